"""A site's month as one small column per day of the customer's calendar."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from api.calendars import days
from api.figures import Durations, Segment, Span, measure

VISIBLE = 0.3
"""Outages fill at least this much of a day's column, so that a short one is seen."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A part of a column, in shares of its height from the top."""

    kind: str
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Day:
    """A column: `ground` colours what no layer covers."""

    ground: str
    layers: Sequence[Layer]


def strip(segments: Sequence[Segment], month: Span, zone: ZoneInfo) -> Iterator[Day]:
    """Every day of the month; those that nothing covers are `outside`."""
    for day in days(month, zone):
        durations = measure(_within(segments, day))
        yield Day(_ground(durations), list(_layers(durations, day.end_us - day.start_us)))


def _within(segments: Sequence[Segment], day: Span) -> Iterator[Segment]:
    for segment in segments:
        start, end = max(segment.start_us, day.start_us), min(segment.end_us, day.end_us)
        if start < end:
            yield Segment(start, end, segment.standing)


def _layers(durations: Durations, day_us: int) -> Iterator[Layer]:
    """Outage at the foot, partial outage on it, unknown time on top of those."""
    heights = {
        "down": max(durations.down_us / day_us, VISIBLE) if durations.down_us else 0.0,
        "partial_outage": max(durations.partial_us / day_us, VISIBLE) if durations.partial_us else 0.0,
        "unknown": durations.unknown_us / day_us,
    }
    scale = max(1.0, sum(heights.values()))
    top = 1.0
    for kind, height in heights.items():
        if height:
            top -= height / scale
            yield Layer(kind, top, height / scale)


def _ground(durations: Durations) -> str:
    if durations.maintenance_us > durations.up_us:
        return "maintenance"
    return "up" if durations.up_us else "outside"
