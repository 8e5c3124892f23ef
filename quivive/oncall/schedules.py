"""A schedule as a value: layers of people who take turns, and overrides. Instants in microseconds since the Unix epoch."""

from dataclasses import dataclass
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

from quivive.business_hours import Week


@dataclass(frozen=True, slots=True)
class Layer:
    """People who take turns. Shifts begin and end on the wall clock of the schedule's zone."""

    rotation: tuple[str, ...]
    shift: timedelta
    start: date
    """The first of the rotation begins on this day at `handover`."""
    handover: time
    hours: Week | None = None
    """When the layer counts; None: always."""


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody stands in, in [start, end)."""

    person: str
    start_us: int
    end_us: int
    name: str = ""
    """What it is called, where it can be taken back."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Of `overrides` the last that holds decides, else the first of `layers` that counts."""

    schedule: str
    zone: ZoneInfo
    layers: tuple[Layer, ...]
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody's time on call, or a gap when `person` is None. Half-open."""

    person: str | None
    start_us: int
    end_us: int
    source: str
    """Why: "override", "layer 1", "nobody"."""
