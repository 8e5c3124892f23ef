"""What cannot be a result of ours is refused, and said once an hour."""

import pytest

from aggregator.refusals import NEWEST_US, OLDEST_US, SAY_AGAIN_US, Refusals, refuse_impossible_times
from aggregator.results import BadBatch, Results, decode
from quivive.v1 import bus_pb2

NOW = 1_800_000_000_000_000


def results_at(slot_us: int, end_us: int | None = None) -> Results:
    end_us = slot_us if end_us is None else end_us
    batch = bus_pb2.ResultBatch(region="eu", shard=1, base_time_us=slot_us, clock_offset_us=end_us - slot_us)
    for column in ("check", "revision", "outcome"):
        getattr(batch, column).append(1)
    for column in ("slot_us", "end_us", "attempt", "cause", "http_status"):
        getattr(batch, column).append(0)
    for column in ("dns", "connect", "tls", "first_byte", "transfer"):
        getattr(batch, column).append(0)
    return decode(batch.SerializeToString(), shard=1, region="eu")


@pytest.mark.parametrize("slot_us", [NOW, NOW - OLDEST_US, NOW + NEWEST_US])
def test_a_slot_within_the_limits_is_taken(slot_us: int) -> None:
    refuse_impossible_times(results_at(slot_us), NOW)


@pytest.mark.parametrize("slot_us", [NOW - OLDEST_US - 1, NOW + NEWEST_US + 1, 0])
def test_a_slot_outside_the_limits_is_refused(slot_us: int) -> None:
    with pytest.raises(BadBatch, match="a slot more than"):
        refuse_impossible_times(results_at(slot_us), NOW)


def test_an_end_that_a_mad_clock_offset_moved_away_is_refused() -> None:
    with pytest.raises(BadBatch, match="an end more than"):
        refuse_impossible_times(results_at(NOW, end_us=NOW + 2 * NEWEST_US), NOW)


def test_a_refused_region_is_news_once_an_hour() -> None:
    refusals = Refusals()
    assert refusals.is_news("mars", NOW)
    assert not refusals.is_news("mars", NOW + SAY_AGAIN_US - 1)
    assert refusals.is_news("moon", NOW)
    assert refusals.is_news("mars", NOW + SAY_AGAIN_US)
