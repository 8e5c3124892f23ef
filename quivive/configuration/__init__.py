"""What an operator declares: plans, customers, sites, channels, regions; refused with place and reason."""

from quivive.configuration.load import Loaded, load
from quivive.configuration.model import (
    ChannelConfig,
    Configuration,
    CustomerConfig,
    EmailChannelConfig,
    MaintenanceConfig,
    PlanConfig,
    RegionConfig,
    SiteConfig,
    WebhookChannelConfig,
)
from quivive.configuration.problems import ConfigurationError, Problem, ValuePath, format_path
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
    "CustomerConfig",
    "DnsConfig",
    "DriftConfig",
    "EmailChannelConfig",
    "ExpectConfig",
    "HeartbeatConfig",
    "Loaded",
    "MaintenanceConfig",
    "PlanConfig",
    "Problem",
    "RegionConfig",
    "SiteConfig",
    "TcpConfig",
    "ValuePath",
    "WebhookChannelConfig",
    "canonical_json",
    "format_path",
    "load",
    "parse_json",
]
