"""The grid: staggered regions, strictly later slots, identity by hash."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quivive.domain.checks import (
    SLICES,
    check_hash,
    freshness_us,
    next_slot_us,
    phase_us,
    quorum_of,
    shard_of,
    slice_of,
)

checks = st.integers(min_value=1, max_value=2**63 - 1)
intervals = st.integers(min_value=1_000_000, max_value=86_400_000_000)
instants = st.integers(min_value=0, max_value=4_000_000_000_000_000)
region_counts = st.integers(min_value=1, max_value=12)


def names(count: int) -> list[str]:
    return [f"region-{number:02d}" for number in range(count)]


@given(checks, region_counts, intervals, instants)
def test_the_next_slot_is_strictly_later_within_one_interval_and_on_the_grid(
    check: int, count: int, interval_us: int, after_us: int
) -> None:
    regions = names(count)
    for rank, region in enumerate(regions):
        slot = next_slot_us(after_us, check, region, regions, interval_us)
        assert after_us < slot <= after_us + interval_us
        assert slot % interval_us == phase_us(check, rank, count, interval_us)


@given(checks, region_counts, intervals, instants)
def test_slots_follow_each_other_at_exactly_the_interval(
    check: int, count: int, interval_us: int, after_us: int
) -> None:
    regions = names(count)
    slot = next_slot_us(after_us, check, regions[-1], regions, interval_us)
    assert next_slot_us(slot, check, regions[-1], regions, interval_us) == slot + interval_us
    assert next_slot_us(slot - 1, check, regions[-1], regions, interval_us) == slot


@given(checks, region_counts, intervals)
def test_regions_are_staggered_by_exactly_rank_times_interval_over_their_number(
    check: int, count: int, interval_us: int
) -> None:
    first = phase_us(check, 0, count, interval_us)
    for rank in range(count):
        lead = (phase_us(check, rank, count, interval_us) - first) % interval_us
        assert lead == rank * interval_us // count


@given(checks, region_counts, intervals, instants)
def test_some_region_looks_at_least_once_every_interval_over_their_number(
    check: int, count: int, interval_us: int, after_us: int
) -> None:
    regions = names(count)
    soonest = min(next_slot_us(after_us, check, region, regions, interval_us) for region in regions)
    assert soonest - after_us <= -(-interval_us // count)


def test_three_regions_at_thirty_seconds_look_every_ten() -> None:
    regions = ["ap-south", "eu-west", "us-east"]
    slots = sorted(next_slot_us(0, 42, region, regions, 30_000_000) for region in regions)
    assert [later - earlier for earlier, later in pairwise(slots)] == [10_000_000, 10_000_000]


def test_a_region_outside_the_check_has_no_slots() -> None:
    with pytest.raises(ValueError, match="mars"):
        next_slot_us(0, 42, "mars", ["eu-west"], 30_000_000)


def test_the_hash_is_the_one_that_every_deployment_shares() -> None:
    # Written down: shard, slice and phase of every stored check hang on it.
    assert check_hash(1) == 0xFD0529B07BBC0433
    assert check_hash(2**63 - 1) == 0x555606B868040B2C


@given(checks, st.integers(min_value=1, max_value=4096))
def test_shards_and_slices_stay_in_their_range(check: int, shards: int) -> None:
    assert 0 <= shard_of(check, shards) < shards
    assert 0 <= slice_of(check) < SLICES


@pytest.mark.parametrize(("regions", "quorum"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (7, 4)])
def test_a_quorum_is_a_majority(regions: int, quorum: int) -> None:
    assert quorum_of(regions) == quorum


def test_a_check_without_a_region_has_no_quorum() -> None:
    with pytest.raises(ValueError, match="at least one region"):
        quorum_of(0)


def test_a_vote_stays_fresh_for_an_interval_two_timeouts_and_five_seconds() -> None:
    assert freshness_us(30_000_000, 10_000_000) == 55_000_000
