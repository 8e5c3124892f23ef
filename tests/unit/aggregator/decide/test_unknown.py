"""Rules 6 and 7: since when nobody knows."""

from deciding import ABC, Shard

from quivive.domain.words import Outcome, State


def quiet_with_a_blocked_region(shard: Shard, until: int) -> None:
    """Region a is answered by a firewall, which is no vote, while b and c find the site up."""
    for at in range(130, until, 30):
        shard.feed("a", Outcome.BLOCKED, at)
        shard.up("b", at + 10)
        shard.up("c", at + 20)
        shard.wait(at + 21)


def test_a_region_that_goes_blind_beside_a_blocked_one_rewrites_no_past(shard: Shard) -> None:
    quiet_with_a_blocked_region(shard, 4000)
    assert shard.states() == []
    shard.blind = frozenset({"c"})
    shard.wait(4010)
    assert shard.states() == [(State.UNKNOWN, 4010)]


def test_the_same_in_an_outage(shard: Shard) -> None:
    for at in range(130, 1000, 30):
        shard.feed("a", Outcome.BLOCKED, at)
        shard.down("b", at + 10)
        shard.down("c", at + 20)
    shard.blind = frozenset({"c"})
    shard.wait(1010)
    assert shard.states()[-2:] == [(State.DOWN, 140), (State.UNKNOWN, 1010)]
    shard.blind = frozenset()
    for region in ABC:
        shard.up(region, 1020)
    assert len(shard.resolved) == 1
    assert shard.states()[-1] == (State.UP, 1020)


def test_a_blind_regions_votes_that_grew_old_count_to_their_expiry(shard: Shard) -> None:
    shard.up("a", 130)
    shard.up("b", 135)
    shard.blind = frozenset({"c"})
    shard.wait(140)
    shard.wait(1000)
    assert shard.states() == [(State.UNKNOWN, 130.1 + 55)]
