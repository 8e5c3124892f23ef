"""Working time: the hours of a week in a customer's zone, but for holidays. Elapsed microseconds; no clock.

A shift begins and ends when a wall clock shows it. Where a change to summer time leaves that time out, it is the change itself;
where a time comes twice, it is the first. A shift over a change is longer or shorter by what really passes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from quivive.business_hours import MINUTES_A_DAY, Week
from quivive.domain.times import Span, instant, to_datetime

HORIZON = timedelta(days=400)
"""Hours that do not come to a target in this time never do."""


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """`week` None: around the clock, holidays too. `holidays` gives the days off of a year."""

    week: Week | None
    zone: ZoneInfo
    holidays: Callable[[int], frozenset[date]]

    def due_us(self, start_us: int, length_us: int) -> int | None:
        """When that much working time has passed since the start; None when it does not within `HORIZON`."""
        if self.week is None:
            return start_us + length_us
        left = length_us
        for shift in self.shifts(start_us):
            worked = shift.end_us - shift.start_us
            if worked >= left:
                return shift.start_us + left
            left -= worked
        return None

    def between_us(self, start_us: int, end_us: int) -> int:
        """The working time in [start, end), of which the end may lie `HORIZON` after the start at most."""
        if self.week is None:
            return max(0, end_us - start_us)
        worked = 0
        for shift in self.shifts(start_us):
            if shift.start_us >= end_us:
                break
            worked += min(shift.end_us, end_us) - shift.start_us
        return worked

    def shifts(self, start_us: int) -> Iterator[Span]:
        """From that instant on, in order; the first may have begun."""
        assert self.week is not None
        first = to_datetime(start_us).astimezone(self.zone).date()
        for number in range(HORIZON.days):
            day = first + timedelta(days=number)
            if day in self.holidays(day.year):
                continue
            for shift in self.week[day.weekday()]:
                begin = max(self._at(day, shift.start), start_us)
                end = self._at(day, shift.end)
                if begin < end:
                    yield Span(begin, end)

    def _at(self, day: date, minute: int) -> int:
        days, rest = divmod(minute, MINUTES_A_DAY)
        wall = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60))
        return instant(wall, self.zone)
