"""The kinds and their fields, as in the YAML files. References are checked where everything is known."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from quivive.configuration.values import (
    Cron,
    Delay,
    Email,
    Flag,
    Headers,
    Id,
    Instant,
    Interval,
    Latency,
    MaintenanceLength,
    Phrase,
    ResponseTarget,
    Status,
    Text,
    Timeout,
    Url,
    VariableName,
    Zone,
)

Locale = Literal["fr", "en"]
Audience = Literal["incidents", "operations"]

SITE_CHECK = "http"
"""The check that a site's own URL makes."""
PRESET_CHECKS = {"wordpress": ("wp-login", "rest")}
"""The checks that each preset adds."""


def _without_repetition(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise ValueError("names something twice")
    return values


class Declared(BaseModel):
    """A mapping in which every key is known; never changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False)


class PlanConfig(Declared):
    """What an agency sells."""

    id: Id
    title: Text
    interval: Interval
    page_after: Delay = timedelta(0)
    objective: Annotated[float, Field(strict=True)] | None = None
    """Promised availability as a ratio, 0.999 for 99.9 %."""
    response_target: ResponseTarget
    response_hours: Literal["business", "always"] = "business"
    channels: Annotated[tuple[Literal["email", "chat", "webhook", "oncall"], ...], AfterValidator(_without_repetition)]
    status_page: Flag = False
    performance: Flag = False
    reports: Annotated[tuple[Literal["monthly", "quarterly"], ...], AfterValidator(_without_repetition)] = ("monthly",)

    @field_validator("objective")
    @classmethod
    def _objective_is_a_ratio(cls, value: float | None) -> float | None:
        if value is not None and not 0 < value <= 1:
            raise ValueError(f"{value} is not a ratio above 0 and at most 1: write 0.999 for 99.9 %")
        return value


class CustomerConfig(Declared):
    """The agency's customer."""

    id: Id
    name: Text
    plan: Id
    locale: Locale = "en"
    timezone: Zone = "UTC"


class ExpectConfig(Declared):
    """What a good answer looks like."""

    status: Annotated[tuple[Status, ...], Field(max_length=50)] = ()
    """Accepted statuses after redirects; none named: 200 to 299."""
    body_contains: Phrase | None = None
    body_excludes: Phrase | None = None


class MaintenanceConfig(Declared):
    """Announced work: either a single span or a cron expression in the customer's zone."""

    cron: Cron | None = None
    start: Instant | None = None
    duration: MaintenanceLength

    @model_validator(mode="after")
    def _has_one_start(self) -> Self:
        if (self.cron is None) == (self.start is None):
            raise ValueError("needs either cron or start")
        return self


class _Watched(Declared):
    """What a site and each of its checks can say about how to look."""

    url: Url
    interval: Interval | None = None
    regions: (
        Annotated[tuple[Id, ...], Field(min_length=1, max_length=32), AfterValidator(_without_repetition)] | None
    ) = None
    """W; none named: every declared region."""
    max_latency: Latency | None = None


class CheckConfig(_Watched):
    """One more URL of a site. What it leaves out is as for the site."""

    name: Id
    critical: Flag = True
    timeout: Timeout | None = None
    headers: Headers | None = None
    expect: ExpectConfig | None = None


class SiteConfig(_Watched):
    """What the customer calls "my site"."""

    id: Id
    customer: Id
    timeout: Timeout = timedelta(seconds=10)
    headers: Headers = {}
    expect: ExpectConfig = ExpectConfig()
    preset: Literal["wordpress"] | None = None
    checks: Annotated[tuple[CheckConfig, ...], Field(max_length=50)] = ()
    maintenance: Annotated[tuple[MaintenanceConfig, ...], Field(max_length=100)] = ()
    paused: Flag = False

    @field_validator("checks")
    @classmethod
    def _checks_have_their_own_names(cls, checks: tuple[CheckConfig, ...]) -> tuple[CheckConfig, ...]:
        names = [check.name for check in checks]
        if len(set(names)) != len(names):
            raise ValueError("two checks have the same name")
        if SITE_CHECK in names:
            raise ValueError(f"{SITE_CHECK} is the name of the check of the site's own url")
        return checks

    @model_validator(mode="after")
    def _checks_leave_the_presets_alone(self) -> Self:
        taken = PRESET_CHECKS[self.preset] if self.preset else ()
        for check in self.checks:
            if check.name in taken:
                raise ValueError(f"preset {self.preset} already adds a check named {check.name}")
        return self


class _Channel(Declared):
    """Where news goes: incidents are outages of sites, operations what concerns the operator (a blind region)."""

    id: Id
    audience: Annotated[tuple[Audience, ...], Field(min_length=1), AfterValidator(_without_repetition)] = (
        "incidents",
        "operations",
    )


class EmailChannelConfig(_Channel):
    type: Literal["email"]
    to: Annotated[tuple[Email, ...], Field(min_length=1, max_length=50)]
    locale: Locale = "en"


class WebhookChannelConfig(_Channel):
    type: Literal["webhook"]
    url: Url
    secret: VariableName
    """Name of the environment variable that holds the key of the HMAC."""


ChannelConfig = Annotated[EmailChannelConfig | WebhookChannelConfig, Field(discriminator="type")]


class RegionConfig(Declared):
    """A place to look from."""

    id: Id
    title: Text | None = None
    simulated: Flag = False
    """Shares a machine or an uplink with another region: their votes are not independent."""


class Configuration(Declared):
    """Everything that is declared, in the order it was written."""

    plans: Annotated[tuple[PlanConfig, ...], Field(max_length=1_000)] = ()
    customers: Annotated[tuple[CustomerConfig, ...], Field(max_length=100_000)] = ()
    sites: Annotated[tuple[SiteConfig, ...], Field(max_length=100_000)] = ()
    channels: Annotated[tuple[ChannelConfig, ...], Field(max_length=10_000)] = ()
    regions: Annotated[tuple[RegionConfig, ...], Field(max_length=100)] = ()
