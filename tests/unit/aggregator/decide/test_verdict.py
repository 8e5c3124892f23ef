"""Rules 2 to 6 and 10, as told in design section 5."""

import pytest
from deciding import ABC, S, Shard, policy_of

from aggregator.decide.core import advance
from aggregator.decide.policy import Policies
from aggregator.decide.snapshot import dump, restore
from quivive.domain.words import Cause, Outcome, Responsibility, State


def test_a_new_check_is_unknown_until_a_quorum_has_voted() -> None:
    shard = Shard(policy_of())
    shard.wait(10)
    shard.up("a", 20)
    assert [state for state, _ in shard.states()] == [State.UNKNOWN]
    shard.up("b", 25)
    assert shard.states()[-1] == (State.UP, pytest.approx(25.1))


def test_one_region_failing_alone_never_opens_an_incident(shard: Shard) -> None:
    for slot in range(110, 400, 30):
        shard.down("a", slot, times=3)
        shard.up("b", slot + 10)
        shard.up("c", slot + 20)
    assert shard.confirmed == []


def test_one_failing_attempt_followed_by_a_good_one_leaves_nothing(shard: Shard) -> None:
    shard.fail("a", 110)
    shard.up("a", 110.6, slot_s=110, number=1)
    assert len(shard.suspicions) == 1
    assert [r.reason for r in shard.retracted] == ["the failing region recovered"]
    assert shard.retracted[0].down_regions == ()
    assert shard.states() == []


def test_the_first_failing_attempt_asks_every_other_region_at_once(shard: Shard) -> None:
    shard.fail("a", 110)
    (wanted,) = shard.asked
    assert wanted.regions == ("b", "c")
    assert (wanted.slot_us, wanted.first_attempt, wanted.attempts) == (110 * S, 10, 2)
    assert wanted.deadline_us > 110 * S


def test_blind_regions_are_not_asked(shard: Shard) -> None:
    shard.blind = frozenset({"c"})
    shard.fail("a", 110)
    assert shard.asked[0].regions == ("b",)


def test_a_quorum_confirms_within_the_confirmation_of_the_first_failing_slot(shard: Shard) -> None:
    shard.fail("a", 110)
    shard.fail("b", 110.2, slot_s=110, number=10)
    shard.fail("c", 110.2, slot_s=110, number=10)
    shard.fail("a", 110.6, slot_s=110, number=1)
    assert shard.confirmed == []
    shard.fail("b", 110.8, slot_s=110, number=11)
    (incident,) = shard.confirmed
    assert incident.start_us == 110 * S
    assert incident.confirm_us == round(110.9 * S)
    assert incident.regions == ("a", "b")
    assert incident.cause is Cause.TCP_REFUSED
    assert incident.responsibility is Responsibility.HOST
    assert shard.states()[-1] == (State.DOWN, 110)


def test_attempts_closer_than_half_a_second_count_as_one(shard: Shard) -> None:
    for region in ABC:
        shard.fail(region, 110)
        shard.fail(region, 110.3, slot_s=110, number=1)
    assert shard.confirmed == []
    shard.fail("a", 110.7, slot_s=110, number=2)
    shard.fail("b", 110.7, slot_s=110, number=2)
    assert len(shard.confirmed) == 1


def test_an_up_vote_elsewhere_since_the_suspicion_makes_a_down_vote_take_three(shard: Shard) -> None:
    shard.fail("a", 110)
    shard.up("c", 110.2, slot_s=110, number=10)
    shard.fail("b", 110.2, slot_s=110, number=10)
    shard.fail("a", 110.6, slot_s=110, number=1)
    shard.fail("b", 110.8, slot_s=110, number=11)
    assert shard.confirmed == []
    again = [wanted for wanted in shard.asked if wanted.first_attempt == 12]
    assert sorted(region for wanted in again for region in wanted.regions) == ["a", "b"]
    shard.fail("a", 111.3, slot_s=110, number=12)
    shard.fail("b", 111.4, slot_s=110, number=12)
    assert len(shard.confirmed) == 1


def test_enough_up_votes_retract_and_void_the_down_vote(shard: Shard) -> None:
    shard.down("a", 110)
    shard.up("b", 111.5, slot_s=110, number=10)
    shard.up("c", 111.5, slot_s=110, number=10)
    assert shard.retracted[0].reason == "b, c found it up"
    assert shard.retracted[0].down_regions == ("a",)
    # b alone cannot make a quorum with a's voided vote
    shard.down("b", 120)
    assert shard.confirmed == []


def test_a_refuted_slot_opens_no_second_suspicion(shard: Shard) -> None:
    shard.fail("a", 110)
    shard.up("b", 110.2, slot_s=110, number=10)
    shard.up("c", 110.2, slot_s=110, number=10)
    shard.fail("a", 110.6, slot_s=110, number=1)
    assert len(shard.suspicions) == 1


def test_an_undecided_suspicion_expires_with_its_votes() -> None:
    shard = Shard(policy_of())
    shard.wait(99)
    shard.all_up(100)
    shard.down("a", 110)
    shard.wait(110 + 55 + 1)
    assert [r.reason for r in shard.retracted] == ["expired undecided"]
    assert shard.confirmed == []


def test_down_for_two_slots_in_one_region_is_a_partial_outage_and_asks_no_more(shard: Shard) -> None:
    for slot in (110, 140, 170):
        shard.down("a", slot, times=3)
        shard.up("b", slot + 10)
        shard.up("c", slot + 20)
    assert shard.states()[-1] == (State.PARTIAL_OUTAGE, 110)
    assert len(shard.suspicions) == 2
    shard.up("a", 200)
    assert shard.states()[-1] == (State.UP, 200)


def test_a_partial_region_joins_a_quorum_only_when_all_others_are_down(shard: Shard) -> None:
    for slot in (110, 140):
        shard.down("a", slot, times=3)
        shard.up("b", slot + 10)
        shard.up("c", slot + 20)
    shard.down("b", 180, times=3)
    assert shard.confirmed == []
    shard.down("c", 181.5, slot_s=180, first=10, times=3)
    assert len(shard.confirmed) == 1


def test_an_outage_is_left_when_enough_regions_are_up_again(shard: Shard) -> None:
    for region, at in zip(ABC, (110, 110.1, 110.2), strict=True):
        shard.down(region, at, slot_s=110)
    assert len(shard.confirmed) == 1
    shard.up("a", 140)
    assert shard.resolved == []
    shard.up("b", 150)
    (resolved,) = shard.resolved
    assert resolved.resolve_us == 140 * S
    assert resolved.incident == shard.confirmed[0].incident
    assert shard.states()[-2:] == [(State.DOWN, 110), (State.UP, 140)]


def test_start_is_later_than_the_newest_up_slot_of_a_confirming_region(shard: Shard) -> None:
    shard.fail("a", 110)
    shard.up("b", 111)
    shard.fail("a", 110.6, slot_s=110, number=1, now_s=111.2)
    shard.down("b", 121, times=3)
    shard.down("a", 122, slot_s=121, first=10, times=3)
    shard.down("c", 122, slot_s=121, first=10, times=3)
    assert shard.confirmed[0].start_us == 121 * S


def test_failing_again_soon_reopens_the_same_incident(shard: Shard) -> None:
    for region in ABC:
        shard.down(region, 110)
    first = shard.confirmed[0].incident
    shard.all_up(140)
    for region in ABC:
        shard.down(region, 170)
    assert [r.incident for r in shard.reopened] == [first]
    assert len(shard.confirmed) == 1
    shard.all_up(200)
    assert len(shard.resolved) == 2


def test_failing_again_later_is_another_incident(shard: Shard) -> None:
    for region in ABC:
        shard.down(region, 110)
    for at in range(140, 500, 30):
        shard.all_up(at)
    for region in ABC:
        shard.down(region, 500)
    assert len({incident.incident for incident in shard.confirmed}) == 2


def test_too_few_fresh_votes_are_unknown_from_the_expiry_on(shard: Shard) -> None:
    shard.wait(400)
    freshness = 30 + 2 * 10 + 5
    assert shard.states() == [(State.UNKNOWN, pytest.approx(100.1 + freshness))]


def test_unknown_keeps_the_incident_open_and_down_continues_it(shard: Shard) -> None:
    for region in ABC:
        shard.down(region, 110)
    shard.wait(300)
    assert shard.states()[-1][0] is State.UNKNOWN
    assert shard.resolved == []
    shard.down("a", 310)
    shard.down("b", 311)
    assert shard.states()[-1][0] is State.DOWN
    assert len(shard.confirmed) == 1
    assert shard.reopened == []
    shard.all_up(340)
    assert len(shard.resolved) == 1


def test_blind_regions_do_not_shrink_the_quorum(shard: Shard) -> None:
    shard.blind = frozenset({"b", "c"})
    shard.wait(105)
    assert shard.states()[-1] == (State.UNKNOWN, 105)
    shard.down("a", 110, times=3)
    assert shard.confirmed == []


def test_becoming_blind_voids_the_down_votes_cast_before(shard: Shard) -> None:
    shard.down("a", 110)
    shard.blind = frozenset({"a"})
    shard.wait(112)
    shard.blind = frozenset()
    shard.down("b", 113)
    assert shard.confirmed == []


def test_a_lone_region_needs_three_attempts_five_seconds_apart() -> None:
    shard = Shard(policy_of(("a",)))
    shard.wait(99)
    shard.up("a", 100)
    shard.fail("a", 110)
    shard.fail("a", 111, slot_s=110, number=1)
    shard.fail("a", 116.1, slot_s=110, number=2)
    assert shard.confirmed == []
    shard.fail("a", 121.2, slot_s=110, number=3)
    assert len(shard.confirmed) == 1


def test_what_casts_no_vote_changes_nothing(shard: Shard) -> None:
    for outcome in (Outcome.BLOCKED, Outcome.PROBE_ERROR, Outcome.MISSED):
        for region in ABC:
            assert shard.feed(region, outcome, 110, number=-1) == []


def test_results_of_another_revision_are_not_decided_on(shard: Shard) -> None:
    for region in ABC:
        for i in range(2):
            shard.fail(region, 110 + 0.6 * i, slot_s=110, number=i, revision=9)
    assert shard.said == []


def test_a_new_revision_voids_failures_under_the_old_one(shard: Shard) -> None:
    shard.down("a", 110)
    shard.policy = policy_of(revision=2)
    shard.policies = Policies({7: shard.policy}, {}, {})
    shard.wait(112)
    shard.down("b", 113)
    assert shard.confirmed == []


@pytest.mark.parametrize("reason", ["paused", "deleted"])
def test_ending_a_check_closes_its_incident_with_that_reason(shard: Shard, reason: str) -> None:
    for region in ABC:
        shard.down(region, 110)
    shard.policies = Policies({}, {}, {7: reason})
    shard.wait(130)
    assert [(r.reason, r.resolve_us) for r in shard.resolved] == [(reason, 130 * S)]
    assert shard.states()[-1] == (State.PAUSED, 130)
    assert shard.wait(131) == []


def test_late_evidence_does_not_vote(shard: Shard) -> None:
    for region in ABC:
        for i in range(2):
            shard.fail(region, 110 + 0.6 * i, slot_s=110, number=i, now_s=300)
    assert shard.confirmed == []


def test_more_than_five_changes_are_one_flapping_incident_held_until_calm(shard: Shard) -> None:
    at = 110
    for _ in range(8):
        for region in ABC:
            shard.down(region, at)
        shard.all_up(at + 20)
        at += 40
    assert len(shard.confirmed) == 1
    resolved = len(shard.resolved)
    assert resolved < 8
    while at < 430 + 900 + 60:
        shard.all_up(at)
        shard.wait(at + 1)
        at += 30
    assert len(shard.resolved) == resolved + 1
    assert shard.resolved[-1].resolve_us == (110 + 7 * 40 + 20) * S


def test_a_check_at_rest_becomes_an_array_row_and_wakes_with_its_votes(shard: Shard) -> None:
    shard.wait(101)
    assert shard.state.quiet.holds(7)
    shard.all_up(130)
    shard.fail("a", 140)
    assert list(shard.state.cases) == [7]
    shard.fail("b", 140.2, slot_s=140, number=10)
    shard.fail("a", 140.6, slot_s=140, number=1)
    shard.fail("b", 140.8, slot_s=140, number=11)
    assert len(shard.confirmed) == 1


def test_a_quiet_check_that_falls_silent_turns_unknown(shard: Shard) -> None:
    shard.wait(101)
    assert shard.state.quiet.holds(7)
    shard.all_up(130)
    shard.wait(500)
    assert shard.states() == [(State.UNKNOWN, pytest.approx(130.1 + 55))]


def test_advance_without_news_says_nothing_and_changes_nothing(shard: Shard) -> None:
    shard.wait(101)
    shard.down("a", 110)
    before = dump(shard.state)
    assert advance(shard.state, shard.policies, shard.blind, 111 * S) == []
    assert dump(shard.state) == before


def test_bytes_that_are_no_snapshot_are_refused() -> None:
    with pytest.raises(ValueError, match="not a snapshot"):
        restore(b"nonsense")
