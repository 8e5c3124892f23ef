"""What an operator declares: plans, customers, sites, channels, regions; refused with place and reason."""

from quivive.configuration.load import Loaded, load
from quivive.configuration.model import (
    ChannelConfig,
    CheckConfig,
    Configuration,
    CustomerConfig,
    EmailChannelConfig,
    ExpectConfig,
    MaintenanceConfig,
    PlanConfig,
    RegionConfig,
    SiteConfig,
    WebhookChannelConfig,
)
from quivive.configuration.problems import ConfigurationError, Problem, ValuePath, format_path
from quivive.configuration.wire import MAX_JSON_BYTES, canonical_json, parse_json

__all__ = [
    "MAX_JSON_BYTES",
    "ChannelConfig",
    "CheckConfig",
    "Configuration",
    "ConfigurationError",
    "CustomerConfig",
    "EmailChannelConfig",
    "ExpectConfig",
    "Loaded",
    "MaintenanceConfig",
    "PlanConfig",
    "Problem",
    "RegionConfig",
    "SiteConfig",
    "ValuePath",
    "WebhookChannelConfig",
    "canonical_json",
    "format_path",
    "load",
    "parse_json",
]
