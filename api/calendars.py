"""Calendars in a customer's zone: months, and the spans that maintenance takes. Durations are elapsed time; no clock."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from api.figures import Span
from quivive.domain.times import to_datetime, to_us

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A declaration of maintenance: either `cron` or `start_us`. It holds from when it was declared until it was removed."""

    cron: str | None
    start_us: int | None
    duration_us: int
    create_us: int
    delete_us: int | None = None


def month_window(month: str, zone: ZoneInfo) -> Span:
    """The calendar month "2026-03" in `zone`. ValueError when it is not one."""
    match = _MONTH.fullmatch(month)
    if match is None or not 1970 <= int(match[1]) <= 9000:
        raise ValueError(f"{month!r} is not a month like 2026-03")
    year, number = int(match[1]), int(match[2])
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    return Span(_midnight(datetime(year, number, 1, tzinfo=zone)), _midnight(datetime(*following, 1, tzinfo=zone)))


def days(window: Span, zone: ZoneInfo) -> Iterator[Span]:
    """The window cut at the local midnights of `zone`."""
    start = window.start_us
    while start < window.end_us:
        local = to_datetime(start).astimezone(zone)
        # From the wall's date, not from the instant: a day may have 23 or 25 hours.
        tomorrow = (local.replace(tzinfo=None) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        end = min(_midnight(tomorrow.replace(tzinfo=zone)), window.end_us)
        yield Span(start, end)
        start = end


def maintenance_spans(maintenance: Maintenance, zone: ZoneInfo, window: Span) -> Iterator[Span]:
    """The spans of one declaration that reach into the window. They may overlap each other."""
    for start in _starts(maintenance, zone, window):
        begin = max(start, maintenance.create_us, window.start_us)
        end = min(start + maintenance.duration_us, window.end_us)
        if maintenance.delete_us is not None:
            end = min(end, maintenance.delete_us)
        if begin < end:
            yield Span(begin, end)


def _starts(maintenance: Maintenance, zone: ZoneInfo, window: Span) -> Iterator[int]:
    if maintenance.cron is None:
        if maintenance.start_us is not None:
            yield maintenance.start_us
        return
    # A day earlier than needed: the walk is on wall time, which is ambiguous around a shift.
    first = max(window.start_us, maintenance.create_us) - maintenance.duration_us - _DAY_US
    last = window.end_us if maintenance.delete_us is None else min(window.end_us, maintenance.delete_us)
    for moment in CronSim(maintenance.cron, to_datetime(first).astimezone(zone)):
        start = to_us(moment.astimezone(UTC))
        if start >= last:
            return
        yield start


def _midnight(moment: datetime) -> int:
    """Where a shift takes midnight away, the day begins at the shift: fold 0 reads the gap with the offset before it."""
    return to_us(moment.astimezone(UTC))
