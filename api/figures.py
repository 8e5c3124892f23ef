"""SLA figures (design section 6) in exact integers: µs since the Unix epoch, half-open spans, no I/O and no clock.

1. `timeline` sweeps the critical checks' histories and the maintenance spans once and says, for every instant of the window,
   how the site stood: maintenance > DOWN > UNKNOWN > PARTIAL_OUTAGE > UP, and outside where no check exists or all are paused.
2. `measure` adds the segments up.
3. Ratios appear only at the edge, as properties of `Durations`; one whose denominator is 0 is None.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from math import fsum

from quivive.domain.words import State


class Standing(Enum):
    """How a site stood over a segment, as figures see it."""

    OUTSIDE = "outside"
    UP = "up"
    PARTIAL_OUTAGE = "partial_outage"
    UNKNOWN = "unknown"
    DOWN = "down"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open: `start_us` belongs to it, `end_us` does not."""

    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class StateSpan:
    """A recorded state interval; the last one of a check has no end."""

    start_us: int
    end_us: int | None
    state: State


@dataclass(frozen=True, slots=True)
class History:
    """A critical check's life and its recorded intervals, which do not overlap. Where nothing is recorded it is UNKNOWN."""

    start_us: int
    end_us: int | None
    spans: Sequence[StateSpan]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one standing."""

    start_us: int
    end_us: int
    standing: Standing


@dataclass(frozen=True, slots=True)
class Durations:
    """Microseconds. `up_us` includes `partial_us`: a partial outage counts as up and is shown apart."""

    up_us: int = 0
    down_us: int = 0
    unknown_us: int = 0
    partial_us: int = 0
    maintenance_us: int = 0

    @property
    def availability(self) -> float | None:
        """up / (up + down)"""
        return _ratio(self.up_us, self.up_us + self.down_us)

    @property
    def completeness(self) -> float | None:
        """(up + down) / (up + down + unknown)"""
        return _ratio(self.up_us + self.down_us, self._watched_us)

    @property
    def lower_bound(self) -> float | None:
        """Availability if every unknown instant had been down."""
        return _ratio(self.up_us, self._watched_us)

    @property
    def upper_bound(self) -> float | None:
        """Availability if every unknown instant had been up."""
        return _ratio(self.up_us + self.unknown_us, self._watched_us)

    @property
    def _watched_us(self) -> int:
        return self.up_us + self.down_us + self.unknown_us


def timeline(histories: Sequence[History], maintenance: Sequence[Span], window: Span) -> Iterator[Segment]:
    """The window cut into segments, in order, without gap; neighbours differ in standing."""
    steps = sorted(_steps(histories, maintenance, window))
    counts = dict.fromkeys(State, 0)
    maintained = 0
    start, standing = window.start_us, Standing.OUTSIDE
    index = 0
    while index < len(steps):
        at = steps[index][0]
        while index < len(steps) and steps[index][0] == at:
            _, state, delta = steps[index]
            if state == _MAINTENANCE:
                maintained += delta
            else:
                counts[State(state)] += delta
            index += 1
        following = _standing(counts, maintained)
        if following is not standing:
            if at > start:
                yield Segment(start, at, standing)
            start, standing = at, following
    if window.end_us > start:
        yield Segment(start, window.end_us, standing)


def measure(segments: Iterable[Segment]) -> Durations:
    """The time spent in each standing."""
    totals = dict.fromkeys(Standing, 0)
    for segment in segments:
        totals[segment.standing] += segment.end_us - segment.start_us
    return Durations(
        up_us=totals[Standing.UP] + totals[Standing.PARTIAL_OUTAGE],
        down_us=totals[Standing.DOWN],
        unknown_us=totals[Standing.UNKNOWN],
        partial_us=totals[Standing.PARTIAL_OUTAGE],
        maintenance_us=totals[Standing.MAINTENANCE],
    )


def mean_availability(sites: Iterable[Durations]) -> float | None:
    """The mean of the sites' availabilities, never pooled; sites without one are left out."""
    values = [value for value in (site.availability for site in sites) if value is not None]
    return fsum(values) / len(values) if values else None


_MAINTENANCE = 0
"""Beside the numbers of State, in the sweep's steps."""


def _steps(histories: Sequence[History], maintenance: Sequence[Span], window: Span) -> Iterator[tuple[int, int, int]]:
    """(instant, State or _MAINTENANCE, +1 or -1), clipped to the window; instants at its end are left out."""
    for history in histories:
        life = _clip(history.start_us, history.end_us, window)
        if life is None:
            continue
        yield from _edges(life, State.UNKNOWN, 1, window)
        for span in history.spans:
            recorded = _clip(span.start_us, span.end_us, life)
            if recorded is not None and span.state is not State.UNKNOWN:
                yield from _edges(recorded, State.UNKNOWN, -1, window)
                yield from _edges(recorded, span.state, 1, window)
    for announced in maintenance:
        inside = _clip(announced.start_us, announced.end_us, window)
        if inside is not None:
            yield from _edges(inside, _MAINTENANCE, 1, window)


def _edges(span: Span, state: int, delta: int, window: Span) -> Iterator[tuple[int, int, int]]:
    yield span.start_us, state, delta
    if span.end_us < window.end_us:
        yield span.end_us, state, -delta


def _clip(start_us: int, end_us: int | None, into: Span) -> Span | None:
    start = max(start_us, into.start_us)
    end = into.end_us if end_us is None else min(end_us, into.end_us)
    return Span(start, end) if start < end else None


def _standing(counts: dict[State, int], maintained: int) -> Standing:
    watched = counts[State.UP] + counts[State.PARTIAL_OUTAGE] + counts[State.DOWN] + counts[State.UNKNOWN]
    if not watched:
        return Standing.OUTSIDE
    if maintained:
        return Standing.MAINTENANCE
    if counts[State.DOWN]:
        return Standing.DOWN
    if counts[State.UNKNOWN]:
        return Standing.UNKNOWN
    return Standing.PARTIAL_OUTAGE if counts[State.PARTIAL_OUTAGE] else Standing.UP


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
