"""Business hours as people write them: `MON-FRI 09:00-18:00`, `MON-FRI 08:30-12:00 14:00-18:00, SAT 09:00-12:00`."""

import re
from dataclasses import dataclass
from itertools import pairwise

DEFAULT = "MON-FRI 09:00-18:00"
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MINUTES_A_DAY = 24 * 60

_DAYS = re.compile(r"([A-Z]{3})(?:-([A-Z]{3}))?")
_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shift:
    """From one minute of a wall clock's day to another; the end is excluded and may be 1440."""

    start: int
    end: int


Week = tuple[tuple[Shift, ...], ...]
"""The shifts of each day from Monday on, in order, without overlap."""


def parse_business_hours(text: str) -> Week:
    """ValueError says what to write instead."""
    week: list[list[Shift]] = [[] for _ in WEEKDAYS]
    for part in text.upper().split(","):
        days, *hours = part.split() or [""]
        shifts = [_shift(one, text) for one in hours]
        if not shifts:
            raise ValueError(f"{text!r} are no business hours such as {DEFAULT}")
        for day in _days(days, text):
            week[day] += shifts
    for shifts in week:
        shifts.sort(key=lambda shift: shift.start)
        if any(left.end > right.start for left, right in pairwise(shifts)):
            raise ValueError(f"{text!r} names an hour twice")
    return tuple(map(tuple, week))


def _days(text: str, whole: str) -> range:
    match = _DAYS.fullmatch(text)
    first, last = (match[1], match[2] or match[1]) if match else ("", "")
    if first not in WEEKDAYS or last not in WEEKDAYS or WEEKDAYS.index(last) < WEEKDAYS.index(first):
        raise ValueError(f"{whole!r}: {text} is not a weekday such as SAT, nor days such as MON-FRI")
    return range(WEEKDAYS.index(first), WEEKDAYS.index(last) + 1)


def _shift(text: str, whole: str) -> Shift:
    match = _HOURS.fullmatch(text)
    if match:
        start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
        if int(match[2]) < 60 and int(match[4]) < 60 and start < end <= MINUTES_A_DAY:
            return Shift(start, end)
    raise ValueError(f"{whole!r}: {text} are not hours of a day such as 09:00-18:00")
