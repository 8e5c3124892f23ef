"""The last hour as a drawing."""

from hypothesis import given
from hypothesis import strategies as st

from api.figures import Segment, Span, Standing
from api.web.bars import VISIBLE, WIDTH, rectangles
from quivive.domain.times import SECOND_US

WINDOW = Span(0, 3600 * SECOND_US)


def test_segments_are_drawn_to_scale_and_nothing_before_a_site_was_watched() -> None:
    drawn = rectangles(
        [
            Segment(0, 900 * SECOND_US, Standing.OUTSIDE),
            Segment(900 * SECOND_US, 1800 * SECOND_US, Standing.UNKNOWN),
            Segment(1800 * SECOND_US, 3600 * SECOND_US, Standing.UP),
        ],
        WINDOW,
    )
    assert [(r.x, r.width, r.kind) for r in drawn] == [(900, 900, "unknown"), (1800, 1800, "up")]
    assert drawn[0].label == "unknown, 00:15:00 to 00:30:00 UTC"


@given(st.integers(0, 3599), st.integers(1, 60))
def test_a_short_outage_is_seen_and_lies_on_top(start: int, seconds: int) -> None:
    end = min(start + seconds, 3600)
    drawn = rectangles(
        [
            Segment(0, start * SECOND_US, Standing.UP),
            Segment(start * SECOND_US, end * SECOND_US, Standing.DOWN),
            Segment(end * SECOND_US, 3600 * SECOND_US, Standing.UP),
        ],
        WINDOW,
    )
    outage = drawn[-1]
    assert outage.kind == "down"
    assert outage.width >= VISIBLE
    assert 0 <= outage.x <= WIDTH - outage.width
