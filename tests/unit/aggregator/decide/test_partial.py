"""Rule 4: partial outages, and what a region in one adds to a quorum."""

from deciding import Shard, policy_of

from quivive.domain.words import State

ABCDE = ("a", "b", "c", "d", "e")


def test_an_outage_of_two_regions_is_found_by_their_slots_alone(shard: Shard) -> None:
    """Past the confirmations' budget nobody is asked: the third attempt of b comes with its next slot, when a has failed twice."""
    shard.down("a", 110)
    shard.up("c", 120)
    shard.down("b", 130)
    shard.down("a", 140)
    assert shard.states()[-1][0] is State.PARTIAL_OUTAGE
    shard.up("c", 150)
    shard.fail("b", 160)
    (incident,) = shard.confirmed
    assert incident.regions == ("a", "b")
    assert shard.states()[-1] == (State.DOWN, 110)


def test_a_region_in_partial_outage_for_days_does_not_wait_for_one_unlucky_region(shard: Shard) -> None:
    for slot in range(110, 2000, 30):
        shard.down("a", slot)
        shard.up("b", slot + 10)
        shard.up("c", slot + 20)
    assert shard.states()[-1] == (State.PARTIAL_OUTAGE, 110)
    shard.down("b", 2010, times=3)
    shard.down("a", 2012, slot_s=2010, first=10, times=3)
    assert shard.confirmed == []
    shard.up("b", 2040)
    assert shard.states()[-1] == (State.PARTIAL_OUTAGE, 110)


def test_a_partial_region_joins_when_all_that_see_are_down_and_the_others_are_blind() -> None:
    shard = Shard(policy_of(ABCDE))
    shard.wait(99)
    shard.all_up(100)
    for slot in range(110, 400, 30):
        shard.down("a", slot)
        for i, region in enumerate("bcde"):
            shard.up(region, slot + 5 + i)
    shard.blind = frozenset({"d", "e"})
    shard.wait(405)
    shard.down("b", 410)
    shard.down("c", 411, slot_s=410)
    assert shard.confirmed[0].regions == ("a", "b", "c")


def test_a_void_vote_does_not_complete_the_circle_around_a_partial_region(shard: Shard) -> None:
    for slot in range(110, 200, 30):
        shard.down("a", slot)
        shard.up("b", slot + 5)
        shard.up("c", slot + 6)
    shard.down("a", 200)
    shard.down("b", 205, times=3)
    shard.blind = frozenset({"b"})
    shard.wait(207)
    shard.blind = frozenset()
    shard.wait(208)
    shard.down("c", 209, times=3)
    assert shard.confirmed == []
    shard.down("b", 214, first=10, slot_s=210, times=3)
    assert len(shard.confirmed) == 1


def test_a_region_down_for_days_ends_in_up_when_it_sees_the_site_again(shard: Shard) -> None:
    at = 110
    for _ in range(1000):
        shard.down("a", at)
        shard.up("b", at + 10)
        shard.up("c", at + 20)
        shard.wait(at + 21)
        at += 30
    assert [state for state, _ in shard.states()] == [State.PARTIAL_OUTAGE]
    assert shard.confirmed == []
    shard.up("a", at)
    assert shard.states()[-1] == (State.UP, at)
