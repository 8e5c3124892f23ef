"""Instants are integer microseconds since the Unix epoch; these turn them into datetimes and text at the edges."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open: `start_us` belongs to it, `end_us` does not."""

    start_us: int
    end_us: int


def to_us(moment: datetime) -> int:
    """Exact microseconds of an aware datetime. ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return (moment - EPOCH) // timedelta(microseconds=1)


def to_datetime(us: int) -> datetime:
    """The instant in UTC."""
    return EPOCH + timedelta(microseconds=us)


def format_us(us: int) -> str:
    """ISO 8601 in UTC with milliseconds: 2026-03-01T09:30:00.000Z."""
    return to_datetime(us).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(wall: datetime, zone: ZoneInfo) -> int:
    """When a wall clock shows that time: the first time when it comes twice, the shift when it is left out."""
    us = to_us(wall.replace(tzinfo=zone, fold=0).astimezone(UTC))
    if to_datetime(us).astimezone(zone).replace(tzinfo=None) == wall:
        return us
    # Left out: the shift lies between the two readings of that time.
    before, after = to_us(wall.replace(tzinfo=zone, fold=1).astimezone(UTC)), us
    offset = to_datetime(before).astimezone(zone).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if to_datetime(middle).astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
