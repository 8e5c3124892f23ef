"""Rule 7: a region that alone finds many sites down is blind, with hysteresis."""

from deciding import Shard, policy_of

from aggregator.decide.compare import blind_by_comparison, lone_failures, watched_checks

NOBODY: frozenset[str] = frozenset()


def test_a_lone_failure_is_one_that_every_other_region_found_up_afterwards(shard: Shard) -> None:
    shard.down("a", 110)
    assert lone_failures(shard.state.cases.values(), NOBODY) == {}
    shard.up("b", 112)
    assert lone_failures(shard.state.cases.values(), NOBODY) == {}
    shard.up("c", 113)
    assert lone_failures(shard.state.cases.values(), NOBODY) == {"a": 1}


def test_regions_that_are_blind_otherwise_neither_accuse_nor_witness(shard: Shard) -> None:
    shard.down("a", 110)
    shard.up("b", 112)
    assert lone_failures(shard.state.cases.values(), frozenset({"c"})) == {"a": 1}
    assert lone_failures(shard.state.cases.values(), frozenset({"a"})) == {}
    assert lone_failures(shard.state.cases.values(), frozenset({"b", "c"})) == {}


def test_a_site_that_two_regions_find_down_accuses_nobody(shard: Shard) -> None:
    shard.down("a", 110)
    shard.down("b", 110)
    shard.up("c", 113)
    assert lone_failures(shard.state.cases.values(), NOBODY) == {}


def test_watched_checks_counts_per_region() -> None:
    assert watched_checks([policy_of(), policy_of(("a", "b"), check=8)]) == {"a": 2, "b": 2, "c": 1}


def test_blindness_begins_at_a_fifth_of_the_checks_and_ends_below_a_tenth() -> None:
    watched = {"a": 100, "b": 100}
    assert blind_by_comparison(NOBODY, {"a": 19}, watched) == NOBODY
    blind = blind_by_comparison(NOBODY, {"a": 20}, watched)
    assert blind == {"a"}
    assert blind_by_comparison(blind, {"a": 10}, watched) == {"a"}
    assert blind_by_comparison(blind, {"a": 9}, watched) == NOBODY


def test_a_few_blocked_sites_of_a_small_fleet_blind_nobody() -> None:
    assert blind_by_comparison(NOBODY, {"a": 4}, {"a": 6}) == NOBODY
