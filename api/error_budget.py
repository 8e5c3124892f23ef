"""The error budget of an objective and how fast it burns, exactly: the objective is the decimal fraction that was declared."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from api.figures import Durations, Segment, Span, measure, within
from quivive.domain.times import SECOND_US

BURN_WINDOWS_US = tuple(minutes * 60 * SECOND_US for minutes in (60, 5, 360, 30))
"""1 h beside 5 min, 6 h beside 30 min: the long one says that it matters, the short one that it goes on."""
LONGEST_BURN_US = max(BURN_WINDOWS_US)


@dataclass(frozen=True, slots=True)
class Budget:
    """Microseconds of outage that the objective allows, rounded down, and those that were used."""

    allowed_us: int
    used_us: int

    @property
    def left_us(self) -> int:
        """Negative when it is overdrawn."""
        return self.allowed_us - self.used_us


@dataclass(frozen=True, slots=True)
class Burn:
    """How many times faster than allowed the budget went over the window that ends where the figure ends; None without data."""

    window_us: int
    rate: float | None


def error_budget(durations: Durations, objective: float) -> Budget:
    """(1 − objective) × (up + down)"""
    allowed = _allowed(objective) * (durations.up_us + durations.down_us)
    return Budget(int(allowed), durations.down_us)


def burn_rate(durations: Durations, objective: float) -> float | None:
    """down / (up + down) ÷ (1 − objective); None where nothing was seen, or nothing is allowed."""
    watched, allowed = durations.up_us + durations.down_us, _allowed(objective)
    if not watched or not allowed:
        return None
    return float(Fraction(durations.down_us, watched) / allowed)


def burns(segments: Sequence[Segment], end_us: int, objective: float) -> Iterator[Burn]:
    """The rates over `BURN_WINDOWS_US`; the segments reach back far enough."""
    for window_us in BURN_WINDOWS_US:
        recent = within(segments, Span(end_us - window_us, end_us))
        yield Burn(window_us, burn_rate(measure(recent), objective))


def _allowed(objective: float) -> Fraction:
    """0.999 means 999/1000, not the binary fraction beside it."""
    return 1 - Fraction(repr(objective))
