"""What is declared about paging, as values: people, channels, policies. Instants and durations in microseconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from quivive.business_hours import Week
from quivive.oncall.schedules import Schedule

Severity = str
"""critical, major or minor."""


@dataclass(frozen=True, slots=True)
class Person:
    person: str
    name: str
    locale: str
    addresses: Mapping[str, str]
    """By type of channel."""
    zone: ZoneInfo
    quiet_hours: Week | None = None
    is_operator: bool = True


@dataclass(frozen=True, slots=True)
class Whom:
    """Who is told; of people, by which channels: none named, each on which they can be reached."""

    person: str | None = None
    schedule: str | None = None
    channel: str | None = None
    everybody: bool = False
    channels: tuple[str, ...] = ()

    @classmethod
    def of_json(cls, declared: Mapping[str, Any]) -> "Whom":
        names = ("person", "schedule", "channel", "everybody")
        given = {name: declared[name] for name in names if declared.get(name)}
        return cls(**given, channels=tuple(declared.get("channels", ())))

    def to_json(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in ("person", "schedule", "channel", "everybody")}
        return {name: value for name, value in {**given, "channels": list(self.channels)}.items() if value}


@dataclass(frozen=True, slots=True)
class Step:
    whom: Whom
    wait_us: int
    severities: tuple[Severity, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    policy: str
    steps: tuple[Step, ...]
    repeat: int = 0
    repeat_after_us: int = 600_000_000
    fallback: Whom | None = None
    before_missed: Whom | None = None


@dataclass(frozen=True, slots=True)
class Roster:
    """Everything that is declared about who can be told."""

    people: Mapping[str, Person] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    """Types by id, of those that are declared."""
    for_incidents: tuple[str, ...] = ()
    """The channels whose audience are incidents: whom nobody else could be told, these are."""
