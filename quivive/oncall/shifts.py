"""Reads schedules: who is on call at an instant, and what the turns of a window are.

Shift k of a layer begins on the wall clock at its start plus k lengths, and so keeps its hour when the clocks change: the shift in
between is an hour longer or shorter. A time that is left out is the change itself, one that comes twice is the first.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from quivive.business_hours import MINUTES_A_DAY, Week
from quivive.domain.times import instant, to_datetime
from quivive.oncall.schedules import Layer, Schedule, Turn

DAY = timedelta(days=1)
LONGEST_WINDOW_US = 400 * 86_400_000_000


def who(schedule: Schedule, at_us: int) -> tuple[str | None, str]:
    """Who is on call at an instant, and by what: (None, "nobody") in a gap."""
    for override in reversed(schedule.overrides):
        if override.start_us <= at_us < override.end_us:
            return override.person, "override"
    for number, layer in enumerate(schedule.layers, 1):
        person = _of_layer(layer, schedule.zone, at_us)
        if person is not None:
            return person, f"layer {number}"
    return None, "nobody"


def turns(schedule: Schedule, start_us: int, end_us: int) -> list[Turn]:
    """The window cut where somebody else takes over, gaps included, without overlap. ValueError for one that is too long."""
    if not start_us < end_us <= start_us + LONGEST_WINDOW_US:
        raise ValueError("a window of a schedule ends after it begins, and is at most 400 days long")
    cuts = sorted({start_us, end_us, *(cut for cut in _cuts(schedule, start_us, end_us) if start_us < cut < end_us)})
    found: list[Turn] = []
    for begin, end in pairwise(cuts):
        person, source = who(schedule, begin)
        if found and (found[-1].person, found[-1].source) == (person, source):
            found[-1] = Turn(person, found[-1].start_us, end, source)
        else:
            found.append(Turn(person, begin, end, source))
    return found


def gaps(schedule: Schedule, start_us: int, end_us: int) -> list[Turn]:
    """The spans of the window in which nobody is on call."""
    return [turn for turn in turns(schedule, start_us, end_us) if turn.person is None]


def turn_at(schedule: Schedule, at_us: int, reach_us: int = 31 * 86_400_000_000) -> Turn:
    """The turn, or the gap, around an instant; what reaches further than `reach_us` is cut there."""
    around = turns(schedule, max(at_us - reach_us, 0), at_us + reach_us)
    return next(turn for turn in around if turn.start_us <= at_us < turn.end_us)


def _of_layer(layer: Layer, zone: ZoneInfo, at_us: int) -> str | None:
    number = _shift_number(layer, zone, at_us)
    if number < 0 or not _counts(layer.hours, zone, at_us):
        return None
    return layer.rotation[number % len(layer.rotation)]


def _shift_number(layer: Layer, zone: ZoneInfo, at_us: int) -> int:
    """Of the shift that is on; negative before the first."""
    wall = to_datetime(at_us).astimezone(zone).replace(tzinfo=None)
    number = (wall - datetime.combine(layer.start, layer.handover)) // layer.shift
    # Around a change of the clocks, wall time may be a shift off.
    while _begin_us(layer, zone, number) > at_us:
        number -= 1
    while _begin_us(layer, zone, number + 1) <= at_us:
        number += 1
    return number


def _begin_us(layer: Layer, zone: ZoneInfo, number: int) -> int:
    return instant(datetime.combine(layer.start, layer.handover) + number * layer.shift, zone)


def _counts(hours: Week | None, zone: ZoneInfo, at_us: int) -> bool:
    if hours is None:
        return True
    return any(begin <= at_us < end for begin, end in _hours_around(hours, zone, at_us))


def within_hours(hours: Week, zone: ZoneInfo, at_us: int) -> int | None:
    """When the hours that contain the instant end, those that join on included; None outside them."""
    end_us = None
    while (found := _end_of_hours(hours, zone, at_us if end_us is None else end_us)) is not None:
        if end_us is not None and found - at_us > 8 * 86_400_000_000:  # around the clock
            return found
        end_us = found
    return end_us


def _end_of_hours(hours: Week, zone: ZoneInfo, at_us: int) -> int | None:
    return next((end for begin, end in _hours_around(hours, zone, at_us) if begin <= at_us < end), None)


def _hours_around(hours: Week, zone: ZoneInfo, at_us: int) -> Iterator[tuple[int, int]]:
    day = to_datetime(at_us).astimezone(zone).replace(tzinfo=None)
    return _hours_of(hours, zone, (day - DAY, day, day + DAY))


def _hours_of(hours: Week, zone: ZoneInfo, days: Iterable[datetime]) -> Iterator[tuple[int, int]]:
    for day in days:
        for shift in hours[day.weekday()]:
            yield _minute_us(day, shift.start, zone), _minute_us(day, shift.end, zone)


def _minute_us(day: datetime, minute: int, zone: ZoneInfo) -> int:
    days, rest = divmod(minute, MINUTES_A_DAY)
    return instant(datetime.combine(day.date() + days * DAY, time(rest // 60, rest % 60)), zone)


def _cuts(schedule: Schedule, start_us: int, end_us: int) -> Iterator[int]:
    """Wherever somebody else may take over."""
    for override in schedule.overrides:
        yield from (override.start_us, override.end_us)
    first = to_datetime(start_us).astimezone(schedule.zone).replace(tzinfo=None) - DAY
    last = to_datetime(end_us).astimezone(schedule.zone).replace(tzinfo=None) + DAY
    for layer in schedule.layers:
        number = max(_shift_number(layer, schedule.zone, start_us), 0)
        while (begin_us := _begin_us(layer, schedule.zone, number)) < end_us:
            yield begin_us
            number += 1
        if layer.hours is not None:
            days = (first + DAY * day for day in range((last - first).days + 1))
            for span in _hours_of(layer.hours, schedule.zone, days):
                yield from span
