"""What was counted when something was decided. It is kept with the decision: explaining one later is reading, not guessing."""

from dataclasses import dataclass
from enum import StrEnum

from aggregator.decide.votes import Attempt


class Standing(StrEnum):
    """What a region's word was good for."""

    COUNTED = "counted"
    VOID = "void"
    """DOWN, but cast before a retraction, a recovery or a blindness: no part of a quorum."""
    PARTIAL = "partial"
    """DOWN for two slots and more: adds to a quorum only when every other sighted region is DOWN."""
    STALE = "stale"
    BLIND = "blind"
    SILENT = "silent"
    """The region has never voted."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One region of W. `up` and `end_us` are None for one that never voted; `failing` is the streak of a DOWN vote."""

    region: str
    standing: Standing
    up: bool | None = None
    end_us: int | None = None
    failing: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """Every region's voice at `at_us` on the bus's clock, in the order of W."""

    at_us: int
    quorum: int
    voices: tuple[Voice, ...]
