"""Who is told of an outage: people, their shifts, escalation policies, a plan's rules, silences."""

import re
from datetime import date, timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from quivive.business_hours import WEEKDAYS
from quivive.configuration.declared import Declared, without_repetition
from quivive.configuration.durations import format_duration, parse_duration
from quivive.configuration.values import (
    BusinessHours,
    Delay,
    Email,
    Flag,
    Id,
    Instant,
    Text,
    Zone,
)
from quivive.domain.words import Cause, Responsibility

Locale = Literal["fr", "en"]
Severity = Literal["critical", "major", "minor"]

DAY = timedelta(days=1)
SHORTEST_SHIFT, LONGEST_SHIFT = timedelta(hours=1), timedelta(days=366)
FIRST_MONDAY = date(2024, 1, 1)
"""Where a rotation begins that does not say it."""

_PHONE = re.compile(r"\+[1-9]\d{5,14}")
_HANDOVER = re.compile(r"(?:([A-Z]{3}) )?([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


def _check_phone(value: str) -> str:
    plain = re.sub(r"[ ().-]", "", value)
    if not _PHONE.fullmatch(plain):
        raise ValueError(f"{value[:40]!r} is not a telephone number with its country, such as +33 6 12 34 56 78")
    return plain


def _parse_shift(value: object) -> timedelta:
    if value in ("daily", "weekly"):
        return DAY if value == "daily" else 7 * DAY
    try:
        length = parse_duration(value)
    except ValueError as error:
        raise ValueError(f"must be daily, weekly or a duration: {error}") from None
    if not SHORTEST_SHIFT <= length <= LONGEST_SHIFT or length % timedelta(minutes=1):
        raise ValueError(f"{format_duration(length)} is not a shift of whole minutes from 1h to 366d")
    return length


def _format_shift(value: timedelta) -> str:
    return {DAY: "daily", 7 * DAY: "weekly"}.get(value) or format_duration(value)


def _check_handover(value: str) -> str:
    match = _HANDOVER.fullmatch(value.upper())
    if match is None or (match[1] or "MON") not in WEEKDAYS:
        raise ValueError(f"{value[:40]!r} is not a time such as 09:00, nor a day with a time such as MON 09:00")
    return value.upper()


def _parse_date(value: object) -> date:
    if type(value) is date:
        return value
    try:
        if not isinstance(value, str):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a date such as 2026-01-05") from None


def _check_cause(value: str) -> str:
    if value not in Cause.__members__ or value == "UNSPECIFIED":
        raise ValueError(f"{value[:40]!r} is not a cause such as TCP_REFUSED; docs/verdict.md lists them")
    return value


def _check_responsibility(value: str) -> str:
    if value.upper() not in Responsibility.__members__:
        known = ", ".join(name.lower() for name in Responsibility.__members__)
        raise ValueError(f"{value[:40]!r} is not one of {known}")
    return value.lower()


Phone = Annotated[str, AfterValidator(_check_phone)]
Shift = Annotated[timedelta, BeforeValidator(_parse_shift), PlainSerializer(_format_shift, return_type=str)]
Handover = Annotated[str, AfterValidator(_check_handover)]
Day = Annotated[date, BeforeValidator(_parse_date), PlainSerializer(date.isoformat, return_type=str, when_used="json")]
CauseName = Annotated[str, AfterValidator(_check_cause)]
ResponsibilityName = Annotated[str, AfterValidator(_check_responsibility)]
Address = Annotated[str, Field(min_length=1, max_length=500)]
Severities = Annotated[tuple[Severity, ...], Field(min_length=1), AfterValidator(without_repetition)]
Ids = Annotated[tuple[Id, ...], Field(max_length=100), AfterValidator(without_repetition)]


class PersonConfig(Declared):
    """Somebody at the agency, who may be on call and may sign in."""

    id: Id
    name: Text
    email: Email
    phone: Phone | None = None
    locale: Locale = "en"
    timezone: Zone = "UTC"
    role: Literal["operator", "reader"] = "operator"
    contacts: Annotated[dict[Text, Address], Field(max_length=20)] = Field({})
    """What this person is called on channels of a type: {slack: U0123, ntfy: alice}; of a secret, its name."""
    quiet_hours: BusinessHours | None = None
    """On the person's own clock: pages that are not critical wait until they end."""


class LayerConfig(Declared):
    """People who take turns."""

    rotation: Annotated[tuple[Id, ...], Field(min_length=1, max_length=100)]
    shift: Shift = 7 * DAY
    """daily, weekly, or a length; on the wall clock, so that a hand-over keeps its hour when the clocks change."""
    handover: Handover = "09:00"
    """`09:00`, or with the day on which a shift of whole weeks begins: `MON 09:00`."""
    start: Day = FIRST_MONDAY
    """The day on which the first of the rotation begins, or the first such weekday from then on."""
    hours: BusinessHours | None = None
    """When the layer counts; else always."""

    @model_validator(mode="after")
    def _weekday_fits_the_shift(self) -> Self:
        if " " in self.handover and self.shift % (7 * DAY):
            raise ValueError(f"handover {self.handover} names a weekday, but the shift is not one of whole weeks")
        return self


class OverrideConfig(Declared):
    """Somebody stands in."""

    person: Id
    start: Instant
    end: Instant

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if not self.start < self.end:
            raise ValueError("end must be later than start")
        if self.end - self.start > LONGEST_SHIFT:
            raise ValueError("lasts longer than 366d")
        return self


class ScheduleConfig(Declared):
    """Who is on call when: of the overrides the last one that holds, else the first layer that counts."""

    id: Id
    title: Text | None = None
    timezone: Zone = "UTC"
    layers: Annotated[tuple[LayerConfig, ...], Field(min_length=1, max_length=10)]
    overrides: Annotated[tuple[OverrideConfig, ...], Field(max_length=500)] = ()


class WhomConfig(Declared):
    """Who is told: a person, whoever is on call, a channel as it is declared, or everybody who is an operator."""

    person: Id | None = None
    schedule: Id | None = None
    channel: Id | None = None
    everybody: Flag = False
    channels: Ids = ()
    """The channels on which people are told; none named: each on which they can be reached."""

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if not (self.person or self.schedule or self.channel or self.everybody):
            raise ValueError("must say who is told: person, schedule, channel or everybody")
        if self.channels and not (self.person or self.schedule or self.everybody):
            raise ValueError("channels say how people are told, and no person, schedule nor everybody is named")
        return self


class StepConfig(WhomConfig):
    """A step of an escalation."""

    wait: Delay = timedelta(0)
    """After the step before it; the first counts from when the page is due."""
    severities: Severities = ("critical", "major", "minor")
    """The incidents that it is taken for."""


class EscalationPolicyConfig(Declared):
    """What is done until somebody answers."""

    id: Id
    steps: Annotated[tuple[StepConfig, ...], Field(min_length=1, max_length=20)]
    repeat: Annotated[int, Field(strict=True, ge=0, le=10)] = 0
    """How often the steps are taken again when nobody has answered."""
    repeat_after: Delay = timedelta(minutes=10)
    """From the last step to the first one of the next round, and to the fallback."""
    fallback: WhomConfig | None = None
    """Told when all of it was in vain."""
    before_missed: WhomConfig | None = None
    """Told at three quarters of the response target, unless somebody has answered; else everybody who was told before."""


class PagingRuleConfig(Declared):
    """What a plan says of some outages. The first rule that fits holds."""

    causes: Annotated[tuple[CauseName, ...], Field(max_length=100), AfterValidator(without_repetition)] = ()
    responsibilities: Annotated[
        tuple[ResponsibilityName, ...], Field(max_length=20), AfterValidator(without_repetition)
    ] = ()
    page_after: Delay | None = None
    severity: Severity | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.page_after is None and self.severity is None:
            raise ValueError("must say page_after, severity or both")
        return self


class ContactConfig(Declared):
    """Somebody at the customer's who gets mails of outages and of their ends."""

    email: Email
    name: Text | None = None
    locale: Locale | None = None
    """Else the customer's."""


class SilenceConfig(Declared):
    """Pages of these sites wait; figures and pages on the web say what is."""

    id: Id
    sites: Ids = ()
    customers: Ids = ()
    start: Instant
    end: Instant
    reason: Text

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.sites and not self.customers:
            raise ValueError("must name sites, customers or both")
        if not self.start < self.end:
            raise ValueError("end must be later than start")
        return self
