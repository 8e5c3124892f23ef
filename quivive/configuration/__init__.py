"""What an operator declares: plans, customers, sites, channels, regions, people and who is paged; refused with place and reason."""

from quivive.configuration.channels import ChannelConfig, EmailChannelConfig, WebhookChannelConfig
from quivive.configuration.load import Loaded, load
from quivive.configuration.model import (
    Configuration,
    CustomerConfig,
    MaintenanceConfig,
    PlanConfig,
    RegionConfig,
    SiteConfig,
)
from quivive.configuration.paging import (
    ContactConfig,
    EscalationPolicyConfig,
    LayerConfig,
    OverrideConfig,
    PagingRuleConfig,
    PersonConfig,
    ScheduleConfig,
    SilenceConfig,
    StepConfig,
    WhomConfig,
)
from quivive.configuration.problems import ConfigurationError, Problem, ValuePath, format_path
from quivive.configuration.status_page import StatusPageConfig
from quivive.configuration.watched import (
    AuthConfig,
    CheckConfig,
    DnsConfig,
    DriftConfig,
    ExpectConfig,
    HeartbeatConfig,
    TcpConfig,
)
from quivive.configuration.wire import MAX_JSON_BYTES, canonical_json, parse_json

__all__ = [
    "MAX_JSON_BYTES",
    "AuthConfig",
    "ChannelConfig",
    "CheckConfig",
    "Configuration",
    "ConfigurationError",
    "ContactConfig",
    "CustomerConfig",
    "DnsConfig",
    "DriftConfig",
    "EmailChannelConfig",
    "EscalationPolicyConfig",
    "ExpectConfig",
    "HeartbeatConfig",
    "LayerConfig",
    "Loaded",
    "MaintenanceConfig",
    "OverrideConfig",
    "PagingRuleConfig",
    "PersonConfig",
    "PlanConfig",
    "Problem",
    "RegionConfig",
    "ScheduleConfig",
    "SilenceConfig",
    "SiteConfig",
    "StatusPageConfig",
    "StepConfig",
    "TcpConfig",
    "ValuePath",
    "WebhookChannelConfig",
    "WhomConfig",
    "canonical_json",
    "format_path",
    "load",
    "parse_json",
]
