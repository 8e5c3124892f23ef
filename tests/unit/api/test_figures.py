"""The SLA arithmetic against a slow oracle that looks at every instant."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.figures import (
    Durations,
    History,
    Segment,
    Span,
    Standing,
    StateSpan,
    mean_availability,
    measure,
    timeline,
)
from quivive.domain.words import State

END = 60

RECORDED = st.sampled_from(list(State))
SPANS = st.tuples(st.integers(-10, END + 10), st.integers(1, 30)).map(lambda pair: Span(pair[0], sum(pair)))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A life with intervals that do not overlap, may leave gaps and may reach beyond the life; the last may be open."""
    start = draw(st.integers(-10, END + 5))
    end = draw(st.none() | st.integers(start + 1, END + 20))
    cuts = sorted(draw(st.sets(st.integers(start, END + 15), max_size=8)))
    spans = [
        StateSpan(begin, until, draw(RECORDED)) for begin, until in itertools.pairwise(cuts) if draw(st.booleans())
    ]
    if cuts and draw(st.booleans()):
        spans.append(StateSpan(cuts[-1], None, draw(RECORDED)))
    return History(start, end, spans)


def standing_at(instant: int, checks: list[History], maintenance: list[Span]) -> Standing:
    """Design section 6, word for word."""
    states = []
    for check in checks:
        if instant < check.start_us or (check.end_us is not None and instant >= check.end_us):
            continue
        covering = [s.state for s in check.spans if s.start_us <= instant and (s.end_us is None or instant < s.end_us)]
        state = covering[0] if covering else State.UNKNOWN
        if state is not State.PAUSED:
            states.append(state)
    if not states:
        return Standing.OUTSIDE
    if any(span.start_us <= instant < span.end_us for span in maintenance):
        return Standing.MAINTENANCE
    for state, standing in (
        (State.DOWN, Standing.DOWN),
        (State.UNKNOWN, Standing.UNKNOWN),
        (State.PARTIAL_OUTAGE, Standing.PARTIAL_OUTAGE),
    ):
        if state in states:
            return standing
    return Standing.UP


@given(st.lists(histories(), max_size=3), st.lists(SPANS, max_size=3))
def test_every_instant_stands_as_the_rule_says(checks: list[History], maintenance: list[Span]) -> None:
    segments = list(timeline(checks, maintenance, Span(0, END)))
    seen = [segment.standing for segment in segments for _ in range(segment.start_us, segment.end_us)]
    assert seen == [standing_at(instant, checks, maintenance) for instant in range(END)]


@given(st.lists(histories(), max_size=3), st.lists(SPANS, max_size=3))
def test_segments_cover_the_window_and_neighbours_differ(checks: list[History], maintenance: list[Span]) -> None:
    segments = list(timeline(checks, maintenance, Span(0, END)))
    assert segments[0].start_us == 0
    assert segments[-1].end_us == END
    for left, right in itertools.pairwise(segments):
        assert left.end_us == right.start_us
        assert left.standing is not right.standing


@given(st.lists(histories(), max_size=3), st.lists(SPANS, max_size=3), st.integers(1, END - 1))
def test_a_window_cut_in_two_adds_up(checks: list[History], maintenance: list[Span], cut: int) -> None:
    def measured(start: int, end: int) -> Durations:
        return measure(timeline(checks, maintenance, Span(start, end)))

    whole, left, right = measured(0, END), measured(0, cut), measured(cut, END)
    for field in ("up_us", "down_us", "unknown_us", "partial_us", "maintenance_us"):
        assert getattr(whole, field) == getattr(left, field) + getattr(right, field)


@given(st.lists(histories(), max_size=3), st.lists(SPANS, max_size=3))
def test_availability_lies_within_its_bounds(checks: list[History], maintenance: list[Span]) -> None:
    durations = measure(timeline(checks, maintenance, Span(0, END)))
    if durations.availability is None:
        assert durations.up_us + durations.down_us == 0
        return
    assert durations.lower_bound is not None
    assert durations.upper_bound is not None
    assert durations.lower_bound <= durations.availability <= durations.upper_bound
    assert durations.completeness is not None
    assert 0 < durations.completeness <= 1


def test_a_partial_outage_counts_as_up_and_is_shown_apart() -> None:
    segments = [Segment(0, 60, Standing.UP), Segment(60, 90, Standing.PARTIAL_OUTAGE), Segment(90, 100, Standing.DOWN)]
    durations = measure(segments)
    assert (durations.up_us, durations.partial_us, durations.down_us) == (90, 30, 10)
    assert durations.availability == 0.9


def test_unknown_time_lowers_completeness_and_widens_the_bounds_only() -> None:
    durations = Durations(up_us=60, down_us=20, unknown_us=20)
    assert durations.availability == 0.75
    assert durations.completeness == 0.8
    assert (durations.lower_bound, durations.upper_bound) == (0.6, 0.8)


def test_figures_without_a_denominator_are_absent() -> None:
    nothing = Durations(maintenance_us=100)
    assert nothing.availability is None
    assert nothing.completeness is None
    assert nothing.lower_bound is None
    assert nothing.upper_bound is None
    blind = Durations(unknown_us=100)
    assert blind.availability is None
    assert (blind.completeness, blind.lower_bound, blind.upper_bound) == (0, 0, 1)


def test_the_mean_is_of_sites_and_never_pooled() -> None:
    sites = [Durations(up_us=1, down_us=1), Durations(up_us=1_000_000), Durations(unknown_us=5)]
    assert mean_availability(sites) == 0.75
    assert mean_availability([]) is None


@given(st.integers(1, 10**18), st.integers(0, 10**18))
def test_ratios_are_exact_to_the_last_bit(up: int, down: int) -> None:
    availability = Durations(up_us=up, down_us=down).availability
    assert availability == float(Fraction(up, up + down))


def test_an_empty_window_has_no_segment() -> None:
    assert list(timeline([History(0, None, [])], [], Span(5, 5))) == []


@pytest.mark.parametrize("state", list(State))
def test_an_open_interval_reaches_to_the_end_of_the_window(state: State) -> None:
    (segment,) = timeline([History(0, None, [StateSpan(0, None, state)])], [], Span(10, 20))
    assert (segment.start_us, segment.end_us) == (10, 20)
