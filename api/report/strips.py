"""A site's month as one small column per day of the customer's calendar."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from api.calendars import days
from api.figures import Durations, Segment, Span, measure

SMALLEST_SHARE = 0.3
"""An outage fills at least this much of its day's column, so that a short one is seen."""


@dataclass(frozen=True, slots=True)
class Day:
    """`kind` colours the column; `down_share` of it is drawn as outage. `number` is the day of the month."""

    number: int
    kind: str
    down_share: float
    durations: Durations


def strip(segments: Sequence[Segment], month: Span, zone: ZoneInfo) -> Iterator[Day]:
    """Every day of the month; those that nothing covers are `outside`."""
    for number, day in enumerate(days(month, zone), start=1):
        durations = measure(_within(segments, day))
        share = durations.down_us / (day.end_us - day.start_us)
        yield Day(number, _kind(durations), max(share, SMALLEST_SHARE) if durations.down_us else 0.0, durations)


def _within(segments: Sequence[Segment], day: Span) -> Iterator[Segment]:
    for segment in segments:
        start, end = max(segment.start_us, day.start_us), min(segment.end_us, day.end_us)
        if start < end:
            yield Segment(start, end, segment.standing)


def _kind(durations: Durations) -> str:
    """The colour under the outages: what the rest of the day mostly was."""
    shares = {
        "up": durations.up_us - durations.partial_us,
        "partial_outage": durations.partial_us,
        "unknown": durations.unknown_us,
        "maintenance": durations.maintenance_us,
    }
    if not any(shares.values()):
        return "down" if durations.down_us else "outside"
    return max(shares, key=lambda kind: shares[kind])
