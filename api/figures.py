"""SLA figures (design section 6) in exact integers: µs since the Unix epoch, half-open spans, no I/O and no clock.

1. `timeline` sweeps the critical checks' histories and the maintenance spans once and says, for every instant of the window,
   how the site stood: maintenance > DOWN > UNKNOWN > PARTIAL_OUTAGE > UP, and outside where no check exists or all are paused.
2. `measure` adds the segments up.
3. Ratios appear only at the edge, as properties of `Durations`; one whose denominator is 0 is None.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from math import fsum
from operator import attrgetter

from quivive.domain.times import Span as Span
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
    counts = [0] * (1 + max(State))
    start, standing = window.start_us, Standing.OUTSIDE
    at = window.start_us
    # What a step does shows once all steps of its instant are done.
    for until, number, delta in [*steps, (window.end_us, _MAINTENANCE, 0)]:
        if until != at:
            following = _standing(counts)
            if following is not standing:
                if at > start:
                    yield Segment(start, at, standing)
                start, standing = at, following
            at = until
        counts[number] += delta
    if window.end_us > start:
        yield Segment(start, window.end_us, standing)


def measure(segments: Iterable[Segment]) -> Durations:
    """The time spent in each standing."""
    up = partial = unknown = down = maintenance = 0
    for segment in segments:
        length, standing = segment.end_us - segment.start_us, segment.standing
        if standing is Standing.UP:
            up += length
        elif standing is Standing.DOWN:
            down += length
        elif standing is Standing.UNKNOWN:
            unknown += length
        elif standing is Standing.PARTIAL_OUTAGE:
            partial += length
        elif standing is Standing.MAINTENANCE:
            maintenance += length
    return Durations(up + partial, down, unknown, partial, maintenance)


def within(segments: Sequence[Segment], window: Span) -> Iterator[Segment]:
    """The segments as far as they lie in the window; they come in order and without overlap."""
    for index in range(bisect_right(segments, window.start_us, key=_END), len(segments)):
        segment = segments[index]
        if segment.start_us >= window.end_us:
            return
        if segment.start_us >= window.start_us and segment.end_us <= window.end_us:
            yield segment
        else:
            start, end = max(segment.start_us, window.start_us), min(segment.end_us, window.end_us)
            if start < end:
                yield Segment(start, end, segment.standing)


def mean_availability(sites: Iterable[Durations]) -> float | None:
    """The mean of the sites' availabilities, never pooled; sites without one are left out."""
    values = [value for value in (site.availability for site in sites) if value is not None]
    return fsum(values) / len(values) if values else None


_MAINTENANCE = 0
"""Beside the numbers of State, in the sweep's steps."""
_START, _END = attrgetter("start_us"), attrgetter("end_us")


def _steps(histories: Sequence[History], maintenance: Sequence[Span], window: Span) -> Iterator[tuple[int, int, int]]:
    """(instant, number of a State or _MAINTENANCE, +1 or -1), clipped to the window."""
    for history in histories:
        life = _clip(history.start_us, history.end_us, window)
        if life is None:
            continue
        known = life.start_us
        for span in sorted(history.spans, key=_START):
            start, end = max(span.start_us, known), life.end_us
            if span.end_us is not None and span.end_us < end:
                end = span.end_us
            if start < end:
                if known < start:
                    yield known, _UNKNOWN, 1
                    yield start, _UNKNOWN, -1
                state = span.state.value
                yield start, state, 1
                yield end, state, -1
                known = end
        if known < life.end_us:
            yield known, _UNKNOWN, 1
            yield life.end_us, _UNKNOWN, -1
    for announced in maintenance:
        inside = _clip(announced.start_us, announced.end_us, window)
        if inside is not None:
            yield inside.start_us, _MAINTENANCE, 1
            yield inside.end_us, _MAINTENANCE, -1


def _clip(start_us: int, end_us: int | None, into: Span) -> Span | None:
    start = max(start_us, into.start_us)
    end = into.end_us if end_us is None else min(end_us, into.end_us)
    return Span(start, end) if start < end else None


_UP, _PARTIAL, _DOWN, _UNKNOWN = (state.value for state in (State.UP, State.PARTIAL_OUTAGE, State.DOWN, State.UNKNOWN))


def _standing(counts: Sequence[int]) -> Standing:
    if not (counts[_UP] or counts[_DOWN] or counts[_UNKNOWN] or counts[_PARTIAL]):
        return Standing.OUTSIDE
    if counts[_MAINTENANCE]:
        return Standing.MAINTENANCE
    if counts[_DOWN]:
        return Standing.DOWN
    if counts[_UNKNOWN]:
        return Standing.UNKNOWN
    return Standing.PARTIAL_OUTAGE if counts[_PARTIAL] else Standing.UP


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
