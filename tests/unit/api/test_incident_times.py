"""Mean times, error budgets and latency percentiles, as tables."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.error_budget import BURN_WINDOWS_US, Burn, burn_rate, burns, error_budget
from api.figures import Durations, Segment, Span, Standing
from api.incident_times import MeanTimes, Outage, mean_times
from api.latency import UNIT_US, percentiles_us

MINUTE = 60_000_000


def outage(start: int, confirm: int, resolve: int | None = None, **times: int | bool) -> Outage:
    return Outage(start, confirm, times.get("page"), times.get("acknowledge"), resolve, bool(times.get("late")))


def test_means_are_over_those_that_have_the_time() -> None:
    outages = [outage(0, 10, 100, page=20, acknowledge=50), outage(200, 231, None), outage(500, 900, 701, late=True)]
    assert mean_times(outages, [], Durations(up_us=3001)) == MeanTimes(
        failures=3, detect_us=20, acknowledge_us=30, repair_us=150, between_failures_us=1000
    )


def test_means_of_nothing_are_absent() -> None:
    assert mean_times([], [], Durations(up_us=5)) == MeanTimes()


def test_clocks_start_at_the_end_of_maintenance() -> None:
    announced = [Span(90, 150), Span(140, 200)]
    still_down = outage(100, 110, 260, page=200, acknowledge=230)
    assert mean_times([still_down], announced, Durations(up_us=9)) == MeanTimes(
        failures=1, detect_us=None, acknowledge_us=30, repair_us=60, between_failures_us=9
    )
    assert mean_times([outage(100, 110, 190)], announced, Durations(up_us=9)) == MeanTimes()


def test_the_budget_is_of_the_decimal_that_was_promised() -> None:
    thirty_days = Durations(up_us=30 * 1440 * MINUTE - 10 * MINUTE, down_us=10 * MINUTE)
    budget = error_budget(thirty_days, 0.999)
    assert (budget.allowed_us, budget.used_us) == (2_592_000_000, 600_000_000)
    assert budget.left_us == 1_992_000_000
    assert error_budget(thirty_days, 0.9999).left_us == 259_200_000 - 600_000_000


def test_burn_rates_are_of_the_last_hours_and_minutes() -> None:
    end = 600 * MINUTE
    segments = [Segment(0, end - 3 * MINUTE, Standing.UP), Segment(end - 3 * MINUTE, end, Standing.DOWN)]
    rates = {burn.window_us // MINUTE: burn.rate for burn in burns(segments, end, 0.99)}
    assert rates == {60: 5.0, 5: 60.0, 360: 100 * 3 / 360, 30: 10.0}


def test_no_data_or_no_allowance_is_no_burn_rate() -> None:
    assert list(burns([], 0, 0.99)) == [Burn(window, None) for window in BURN_WINDOWS_US]
    assert burn_rate(Durations(up_us=1), 1.0) is None


def bucket_of(units: int) -> int:
    return 0 if units < 1 else 1 + math.ceil(math.log(units) / math.log(1.04))


@given(st.lists(st.integers(0, 1_200_000), min_size=1, max_size=200))
def test_percentiles_are_within_two_per_cent(values: list[int]) -> None:
    counts: dict[int, int] = {}
    for value in values:
        counts[bucket_of(value)] = counts.get(bucket_of(value), 0) + 1
    found = percentiles_us(counts)
    assert found is not None
    ranked = sorted(values)
    for percent, ours in zip((50, 90, 95, 99), found, strict=True):
        true = ranked[max(1, -(-len(ranked) * percent // 100)) - 1] * UNIT_US
        assert ours == pytest.approx(true, rel=0.02, abs=1)


def test_an_empty_histogram_has_no_percentile() -> None:
    assert percentiles_us({}) is None
