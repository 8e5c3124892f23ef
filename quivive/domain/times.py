"""Instants are integer microseconds since the Unix epoch; these turn them into datetimes and text at the edges."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_US = 1_000_000


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
