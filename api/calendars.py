"""Calendars in a customer's zone: months, what a window is cut into, and the spans that maintenance takes. No clock."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import assert_never
from zoneinfo import ZoneInfo

from api.figures import Span
from quivive.domain.times import SECOND_US, instant, to_datetime
from quivive.maintenance import Work, occurrences

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
_HOUR_US = 3600 * SECOND_US


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A declaration: one of `cron`, `start_us` and `ical`. It holds from when it was declared until it was removed."""

    cron: str | None
    start_us: int | None
    duration_us: int | None
    create_us: int
    delete_us: int | None = None
    ical: str | None = None


class Granularity(Enum):
    """What a window is cut into, on the wall clock of a zone. A week begins on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def month_window(month: str, zone: ZoneInfo) -> Span:
    """The calendar month "2026-03" in `zone`. ValueError when it is not one."""
    match = _MONTH.fullmatch(month)
    if match is None or not 1970 <= int(match[1]) <= 9000:
        raise ValueError(f"{month!r} is not a month like 2026-03")
    year, number = int(match[1]), int(match[2])
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    # Wall time has no zone yet.
    return Span(instant(datetime(year, number, 1), zone), instant(datetime(*following, 1), zone))  # noqa: DTZ001


def days(window: Span, zone: ZoneInfo) -> Iterator[Span]:
    """The window cut at the local midnights of `zone`."""
    return buckets(window, Granularity.DAY, zone)


def buckets(window: Span, granularity: Granularity, zone: ZoneInfo) -> Iterator[Span]:
    """The window cut where the zone's calendar cuts it, without gap; the first and the last may be shorter."""
    start = window.start_us
    while start < window.end_us:
        end = min(_next_cut(start, granularity, zone), window.end_us)
        yield Span(start, end)
        start = end


def maintenance_spans(maintenance: Maintenance, zone: ZoneInfo, window: Span) -> Iterator[Span]:
    """The spans of one declaration that reach into the window, as far as they were announced. They may overlap each other."""
    last = window.end_us if maintenance.delete_us is None else min(window.end_us, maintenance.delete_us)
    for occurrence in occurrences(_work(maintenance), zone, window.start_us, window.end_us):
        begin = max(occurrence.start_us, maintenance.create_us, window.start_us)
        end = min(occurrence.end_us, last)
        if begin < end:
            yield Span(begin, end)


def late_spans(maintenance: Maintenance, zone: ZoneInfo, window: Span) -> Iterator[Span]:
    """What of single spans was declared after the fact: before the declaration. A rule never reaches back."""
    for occurrence in occurrences(_work(maintenance), zone, window.start_us, window.end_us):
        begin = max(occurrence.start_us, window.start_us)
        end = min(occurrence.end_us, maintenance.create_us, window.end_us)
        if occurrence.single and begin < end:
            yield Span(begin, end)


def _next_cut(us: int, granularity: Granularity, zone: ZoneInfo) -> int:
    """The first cut after that instant."""
    wall = to_datetime(us).astimezone(zone).replace(tzinfo=None)
    if granularity is Granularity.HOUR:
        # Elapsed, for the hour that comes twice counts twice.
        return us + _HOUR_US - (wall.minute * 60 + wall.second) * SECOND_US - wall.microsecond
    # From the wall's date, not from the instant: a day may have 23 or 25 hours.
    day = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    while True:
        match granularity:
            case Granularity.DAY:
                day += timedelta(days=1)
            case Granularity.WEEK:
                day += timedelta(days=7 - day.weekday())
            case Granularity.MONTH:
                day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            case _:
                assert_never(granularity)
        # A day that a zone left out altogether begins where it ends.
        if (cut := instant(day, zone)) > us:
            return cut


def _work(maintenance: Maintenance) -> Work:
    return Work(maintenance.cron, maintenance.start_us, maintenance.ical, maintenance.duration_us)
