"""A month as columns."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.calendars import days, month_window
from api.figures import Segment, Span, Standing
from api.report.strips import VISIBLE, strip

PARIS = ZoneInfo("Europe/Paris")
MARCH = month_window("2026-03", PARIS)
DAYS = list(days(MARCH, PARIS))


def test_days_that_nothing_covers_are_outside() -> None:
    columns = list(strip([Segment(DAYS[1].start_us, DAYS[1].end_us, Standing.UP)], MARCH, PARIS))
    assert [column.ground for column in columns[:3]] == ["outside", "up", "outside"]
    assert len(columns) == 31


def test_a_short_outage_is_seen_on_its_day() -> None:
    day = DAYS[4]
    outage = Segment(day.start_us + 1, day.start_us + 60_000_000, Standing.DOWN)
    up = [Segment(day.start_us, outage.start_us, Standing.UP), Segment(outage.end_us, day.end_us, Standing.UP)]
    column = list(strip([up[0], outage, up[1]], MARCH, PARIS))[4]
    (layer,) = column.layers
    assert (column.ground, layer.kind, layer.height) == ("up", "down", VISIBLE)
    assert layer.top + layer.height == pytest.approx(1)


def test_a_day_of_maintenance_is_coloured_so() -> None:
    assert next(
        iter(strip([Segment(DAYS[0].start_us, DAYS[0].end_us, Standing.MAINTENANCE)], MARCH, PARIS))
    ).ground == ("maintenance")


@given(st.lists(st.sampled_from(list(Standing)), min_size=1, max_size=40))
def test_layers_never_leave_their_column(standings: list[Standing]) -> None:
    width = (MARCH.end_us - MARCH.start_us) // len(standings)
    cuts = [Span(MARCH.start_us + n * width, MARCH.start_us + (n + 1) * width) for n in range(len(standings))]
    segments = [Segment(cut.start_us, cut.end_us, standing) for cut, standing in zip(cuts, standings, strict=True)]
    for column in strip(segments, MARCH, PARIS):
        assert all(layer.top >= -1e-9 and layer.height > 0 for layer in column.layers)
        assert sum(layer.height for layer in column.layers) <= 1 + 1e-9
