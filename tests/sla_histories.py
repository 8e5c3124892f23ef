"""Generated lives of sites around the changes of summer time, in real microseconds."""

from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import strategies as st

from api.figures import History, Span, StateSpan
from quivive.domain.times import SECOND_US, to_us
from quivive.domain.words import State

SHIFTS_US = [to_us(datetime(2026, 3, 29, 1, tzinfo=UTC)), to_us(datetime(2026, 10, 25, 1, tzinfo=UTC))]
ZONES = ["UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]

CRONS = ["30 2 * * *", "0 3 * * SUN", "15 */5 * * *", "0 0 * * *", "45 1 * * SAT,SUN"]


@dataclass(frozen=True, slots=True)
class SiteStory:
    """What figures are made of, for one site."""

    histories: list[History]
    maintenance: list[Span]
    window: Span


GRID_US = 1_800 * SECOND_US
AROUND = 96
"""Instants lie on a grid of half hours two days around a change, so that they often coincide, and some are a microsecond off."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A cron expression that was declared and removed at those instants."""

    cron: str
    duration_us: int
    create_us: int
    delete_us: int | None


@dataclass(frozen=True, slots=True)
class Announcing:
    """A site whose maintenance is still rules, in a zone."""

    story: SiteStory
    zone: str
    announced: list[Announced]


NUMBERS = st.integers(0, 2**48 - 1)
"""One number stands for an instant, a span or a state: drawing few numbers keeps ten thousand lives quick."""


def stories() -> st.SearchStrategy[SiteStory]:
    """Up to three critical checks and overlapping maintenance."""
    return st.lists(NUMBERS, min_size=4, max_size=28).map(lambda numbers: _story(_Numbers(numbers)))


def announcing() -> st.SearchStrategy[Announcing]:
    """The same with cron expressions, around the changes of summer time in several zones."""
    return st.lists(NUMBERS, min_size=6, max_size=32).map(lambda numbers: _announcing(_Numbers(numbers)))


class _Numbers:
    """Takes one number after the other, and zeros when they run out."""

    def __init__(self, numbers: list[int]) -> None:
        self._numbers = iter(numbers)
        self._rest = 0

    def new(self) -> "_Numbers":
        self._rest = next(self._numbers, 0)
        return self

    def below(self, limit: int) -> int:
        self._rest, value = divmod(self._rest, limit)
        return value

    def instant(self, shift_us: int) -> int:
        return shift_us + (self.below(2 * AROUND) - AROUND) * GRID_US + self.below(3) - 1


def _story(numbers: _Numbers) -> SiteStory:
    shift_us = SHIFTS_US[numbers.new().below(len(SHIFTS_US))]
    checks, spans = numbers.below(4), numbers.below(4)
    start = numbers.instant(shift_us)
    window = Span(start, start + 1 + numbers.below(2 * AROUND) * GRID_US)
    maintenance = []
    for _ in range(spans):
        begin = numbers.new().instant(shift_us)
        maintenance.append(Span(begin, begin + 1 + numbers.below(AROUND) * GRID_US))
    return SiteStory([_history(numbers, shift_us) for _ in range(checks)], maintenance, window)


def _history(numbers: _Numbers, shift_us: int) -> History:
    """A life with intervals that do not overlap, may leave gaps and may reach beyond the life; the last may be open."""
    intervals = numbers.new().below(7)
    start = numbers.instant(shift_us)
    end = start + 1 + numbers.below(AROUND) * GRID_US if numbers.below(3) == 0 else None
    recorded, at = [], start + (numbers.below(9) - 4) * GRID_US
    for number in range(intervals):
        state = list(State)[numbers.new().below(len(State))]
        length, gap = 1 + numbers.below(40) * GRID_US // 2, numbers.below(3) * numbers.below(5) * GRID_US
        is_open = number == intervals - 1 and numbers.below(2)
        recorded.append(StateSpan(at, None if is_open else at + length, state))
        at += length + gap
    return History(start, end, recorded)


def _announcing(numbers: _Numbers) -> Announcing:
    zone = ZONES[numbers.new().below(len(ZONES))]
    declared = []
    for _ in range(numbers.below(4)):
        cron = CRONS[numbers.new().below(len(CRONS))]
        duration_us = (1 + numbers.below(8)) * GRID_US
        create_us = numbers.instant(SHIFTS_US[0]) if numbers.below(2) else 0
        delete_us = numbers.instant(SHIFTS_US[1]) if numbers.below(2) else None
        declared.append(Announced(cron, duration_us, create_us, delete_us))
    return Announcing(_story(numbers), zone, declared)
