"""Rule 10: what is changed, paused or watched again while something is going on."""

from dataclasses import replace

from deciding import ABC, S, Shard, policy_of

from aggregator.decide.policy import Policies
from aggregator.decide.transitions import PastIncident, StateChanged
from quivive.domain.words import State


def revise(shard: Shard, at_s: float, **changes: object) -> None:
    """Declare another revision; the earlier one stays known."""
    before = shard.policy
    shard.policy = policy_of(revision=before.revision + 1, **changes)  # type: ignore[arg-type]
    revisions = {**shard.policies.revisions, (7, before.revision): before, (7, shard.policy.revision): shard.policy}
    shard.policies = Policies({7: shard.policy}, revisions, {})
    shard.wait(at_s)


def outage(shard: Shard, *slots: float) -> None:
    for slot in slots:
        for region in ABC:
            shard.down(region, slot)


def test_a_change_during_an_outage_makes_it_unknown_from_the_change_on_not_from_before(shard: Shard) -> None:
    outage(shard, *range(110, 1000, 30))
    revise(shard, 1000)
    assert shard.states()[-2:] == [(State.DOWN, 110), (State.UNKNOWN, 1000)]
    outage(shard, 1010)
    assert shard.states()[-1][0] is State.DOWN
    assert len(shard.confirmed) == 1
    assert shard.reopened == []


def test_good_votes_on_the_old_target_do_not_end_an_outage_of_the_new_one(shard: Shard) -> None:
    shard.down("a", 110, times=3)
    shard.up("c", 115)
    shard.down("b", 115, slot_s=110, times=3)
    assert len(shard.confirmed) == 1
    shard.up("c", 125)
    revise(shard, 130)
    shard.up("a", 140)
    assert shard.resolved == []
    shard.up("b", 141)
    assert len(shard.resolved) == 1


def test_a_change_that_leaves_the_target_alone_voids_nothing(shard: Shard) -> None:
    shard.down("a", 110)
    shard.policy = replace(shard.policy, customer="other")
    shard.policies = Policies({7: shard.policy}, {}, {})
    shard.wait(112)
    shard.down("b", 113)
    assert len(shard.confirmed) == 1


def test_a_change_retracts_the_suspicion_that_was_open(shard: Shard) -> None:
    shard.down("a", 110)
    revise(shard, 112)
    assert [(r.reason, r.down_regions) for r in shard.retracted] == [("the check was changed", ("a",))]


def test_a_change_of_a_quiet_check_leaves_it_up(shard: Shard) -> None:
    shard.wait(101)
    revise(shard, 110)
    assert shard.states() == []
    shard.all_up(120)
    shard.wait(150)
    assert shard.states() == []


def test_late_results_of_an_earlier_revision_tell_of_the_past_under_that_revision(shard: Shard) -> None:
    shard.wait(1990)
    revise(shard, 1991)
    shard.said.clear()
    for region in ABC:
        for slot in range(400, 600, 30):
            for i in range(2):
                shard.fail(region, slot + 0.6 * i, slot_s=slot, number=i, now_s=2000, revision=1)
        shard.up(region, 620, now_s=2000, revision=1)
    shard.wait(2006)
    (past,) = shard.of(PastIncident)
    assert (past.start_us, past.resolve_us) == (400 * S, 620 * S)


def test_fresh_results_of_an_earlier_revision_cast_no_vote(shard: Shard) -> None:
    revise(shard, 105)
    for region in ABC:
        for i in range(2):
            shard.fail(region, 110 + 0.6 * i, slot_s=110, number=i, revision=1)
    shard.wait(120)
    assert shard.suspicions == []


def test_a_check_that_is_watched_again_begins_unknown_beside_its_past(shard: Shard) -> None:
    watched = shard.policies
    shard.policies = Policies({}, {}, {7: "paused"})
    shard.wait(130)
    shard.policies = watched
    shard.wait(500)
    met = shard.of(StateChanged)[-1]
    assert (met.state, met.at_us, met.met_us) == (State.UNKNOWN, 0, 500 * S)


def test_an_outage_is_found_anew_after_a_pause(shard: Shard) -> None:
    outage(shard, 110)
    watched = shard.policies
    shard.policies = Policies({}, {}, {7: "paused"})
    shard.wait(130)
    shard.policies = watched
    shard.wait(140)
    outage(shard, 150)
    first, second = shard.confirmed
    assert first.incident != second.incident
    assert second.start_us == 150 * S
