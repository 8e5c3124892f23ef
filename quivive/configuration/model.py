"""The kinds and their fields, as in the YAML files. References are checked where everything is known."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from quivive.business_hours import DEFAULT as USUAL_BUSINESS_HOURS
from quivive.configuration.channels import ChannelConfig
from quivive.configuration.declared import Declared, without_repetition
from quivive.configuration.paging import (
    ContactConfig,
    EscalationPolicyConfig,
    PagingRuleConfig,
    PersonConfig,
    ScheduleConfig,
    SilenceConfig,
)
from quivive.configuration.status_page import StatusPageConfig
from quivive.configuration.values import (
    BusinessHours,
    Calendar,
    Cron,
    Delay,
    Flag,
    Headers,
    HolidayPlace,
    Id,
    Instant,
    Interval,
    MaintenanceLength,
    ResponseTarget,
    Retention,
    Text,
    Timeout,
    Url,
    Zone,
)
from quivive.configuration.watched import AuthConfig, CheckConfig, ExpectConfig, Watched
from quivive.domain.checks import HEARTBEAT_REGION

Locale = Literal["fr", "en"]

SITE_CHECK = "http"
"""The check that a site's own URL makes."""
PRESET_CHECKS = {"wordpress": ("wp-login", "rest", "uncached", "wp-cron")}
"""The checks that each preset adds."""


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
    business_hours: BusinessHours = USUAL_BUSINESS_HOURS
    """On the wall clock of the customer's zone."""
    channels: Annotated[tuple[Literal["email", "chat", "webhook", "oncall"], ...], AfterValidator(without_repetition)]
    status_page: Flag = False
    performance: Flag = False
    reports: Annotated[tuple[Literal["monthly", "quarterly"], ...], AfterValidator(without_repetition)] = ("monthly",)
    keep_results: Retention = timedelta(days=30)
    """How long single results stay; they come up to three days late. Intervals and incidents stay for ever."""
    keep_aggregates: Retention = timedelta(days=730)
    """How long latencies by the hour and by the day stay."""
    escalation_policy: Id | None = None
    """Who is told of outages, step by step; else every channel for incidents that the plan allows."""
    paging: Annotated[tuple[PagingRuleConfig, ...], Field(max_length=50)] = ()
    """By cause and responsibility: how long an outage must last before anybody is paged, and how grave it is."""

    @field_validator("objective")
    @classmethod
    def _objective_is_a_ratio(cls, value: float | None) -> float | None:
        if value is not None and not 0 < value <= 1:
            raise ValueError(f"{value} is not a ratio above 0 and at most 1: write 0.999 for 99.9 %")
        return value

    @model_validator(mode="after")
    def _aggregates_outlive_their_results(self) -> Self:
        if self.keep_aggregates < self.keep_results:
            raise ValueError("keep_aggregates is shorter than keep_results: aggregates are what is left of results")
        return self


class CustomerConfig(Declared):
    """The agency's customer."""

    id: Id
    name: Text
    plan: Id
    locale: Locale = "en"
    timezone: Zone = "UTC"
    holidays: HolidayPlace | None = None
    """Whose public holidays are no business hours: a country, FR, or one of its regions, DE-BY."""
    escalation_policy: Id | None = None
    """Instead of the plan's."""
    contacts: Annotated[tuple[ContactConfig, ...], Field(max_length=20)] = ()
    """Who at the customer's gets mails of outages."""
    status_page: StatusPageConfig | None = None


class MaintenanceConfig(Declared):
    """Announced work: a single span, a cron expression in the customer's zone, or an iCalendar text."""

    cron: Cron | None = None
    start: Instant | None = None
    ical: Calendar | None = None
    duration: MaintenanceLength | None = None

    @model_validator(mode="after")
    def _has_one_start(self) -> Self:
        if sum(way is not None for way in (self.cron, self.start, self.ical)) != 1:
            raise ValueError("needs either cron or start, or ical")
        if self.ical is None and self.duration is None:
            raise ValueError("duration is required")
        if self.ical is not None and self.duration is not None:
            raise ValueError("needs no duration: events of an iCalendar text have their own")
        return self


class SiteConfig(Watched):
    """What the customer calls "my site"."""

    id: Id
    customer: Id
    url: Url
    timeout: Timeout = timedelta(seconds=10)
    headers: Headers = Field({})
    expect: ExpectConfig = ExpectConfig()
    auth: AuthConfig | None = None
    preset: Literal["wordpress"] | None = None
    checks: Annotated[tuple[CheckConfig, ...], Field(max_length=50)] = ()
    maintenance: Annotated[tuple[MaintenanceConfig, ...], Field(max_length=100)] = ()
    paused: Flag = False
    tags: Annotated[tuple[Text, ...], Field(max_length=30), AfterValidator(without_repetition)] = ()
    """Words to find and group sites by."""
    escalation_policy: Id | None = None
    """Instead of the customer's and the plan's."""

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


class RegionConfig(Declared):
    """A place to look from."""

    id: Id
    title: Text | None = None
    simulated: Flag = False
    """Shares a machine or an uplink with another region: their votes are not independent."""
    drained: Flag | None = None
    """Taken out of every check's regions for a while. None: as it is."""

    @field_validator("id")
    @classmethod
    def _leaves_heartbeats_alone(cls, value: str) -> str:
        if value == HEARTBEAT_REGION:
            raise ValueError(f"{value} is the region in which jobs call the server: take another name")
        return value


class Configuration(Declared):
    """Everything that is declared, in the order it was written."""

    plans: Annotated[tuple[PlanConfig, ...], Field(max_length=1_000)] = ()
    customers: Annotated[tuple[CustomerConfig, ...], Field(max_length=100_000)] = ()
    sites: Annotated[tuple[SiteConfig, ...], Field(max_length=100_000)] = ()
    channels: Annotated[tuple[ChannelConfig, ...], Field(max_length=10_000)] = ()
    regions: Annotated[tuple[RegionConfig, ...], Field(max_length=100)] = ()
    people: Annotated[tuple[PersonConfig, ...], Field(max_length=1_000)] = ()
    schedules: Annotated[tuple[ScheduleConfig, ...], Field(max_length=1_000)] = ()
    escalation_policies: Annotated[tuple[EscalationPolicyConfig, ...], Field(max_length=1_000)] = ()
    silences: Annotated[tuple[SilenceConfig, ...], Field(max_length=10_000)] = ()
