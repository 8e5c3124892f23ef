"""Rule 9: evidence that comes too late tells of the past and troubles nobody."""

import pytest
from deciding import ABC, S, Shard

from aggregator.decide.snapshot import dump, restore
from aggregator.decide.transitions import IncidentMoved, PastFilled, PastIncident
from quivive.domain.words import State

NOW_S = 2000


def backlog(shard: Shard, *, down_from: float | None = None, down_to: float | None = None) -> None:
    """Every region's slots from 200 s to 1000 s arrive at once, half an hour late."""
    for k, region in enumerate(ABC):
        for at in range(200 + 10 * k, 1000, 30):
            failing = down_from is not None and down_to is not None and down_from <= at < down_to
            if failing:
                for i in range(2):
                    shard.fail(region, at + 0.6 * i, slot_s=at, number=i, now_s=NOW_S)
            else:
                shard.up(region, at, now_s=NOW_S)


@pytest.fixture
def silent(shard: Shard) -> Shard:
    """A shard that has heard nothing since 100 s: UNKNOWN from 155 s on."""
    shard.wait(1990)
    assert shard.states()[-1][0] is State.UNKNOWN
    shard.said.clear()
    return shard


def test_late_evidence_fills_what_was_unknown_once_no_more_of_it_comes(silent: Shard) -> None:
    backlog(silent)
    assert silent.wait(NOW_S + 1) == []
    silent.wait(NOW_S + 6)
    (filled,) = silent.of(PastFilled)
    assert filled.state is State.UP
    assert filled.start_us == pytest.approx(210.1 * S, abs=S)
    assert filled.end_us == pytest.approx((980.1 + 55) * S, abs=25 * S)
    assert silent.states() == []


def test_an_outage_of_the_past_is_retroactive_and_over(silent: Shard) -> None:
    backlog(silent, down_from=400, down_to=600)
    silent.wait(NOW_S + 6)
    (past,) = silent.of(PastIncident)
    assert past.start_us == 400 * S
    assert past.resolve_us == 600 * S
    assert past.confirm_us == (NOW_S + 6) * S
    assert silent.confirmed == []
    assert [(f.state, f.start_us // S, f.end_us // S) for f in silent.of(PastFilled)][1:] == [
        (State.DOWN, 400, 600),
        (State.UP, 600, 1045),
    ]


def test_late_evidence_moves_the_start_of_the_outage_that_is_on_but_not_its_confirmation(silent: Shard) -> None:
    for region in ABC:
        for at in range(1700, 1945, 30):
            for i in range(2):
                silent.fail(region, at + 0.6 * i, slot_s=at, number=i, now_s=NOW_S)
        silent.down(region, 1990)
    (live,) = silent.confirmed
    silent.said.clear()
    silent.wait(NOW_S + 8)
    assert silent.of(PastIncident) == []
    (moved,) = silent.of(IncidentMoved)
    filled = [f for f in silent.of(PastFilled) if f.incident == live.incident]
    assert [(f.state, f.start_us, f.end_us) for f in filled] == [(State.DOWN, 1700 * S, live.start_us)]
    assert (moved.incident, moved.start_us, moved.resolve_us) == (live.incident, 1700 * S, None)


def test_a_backlog_survives_a_restart(silent: Shard) -> None:
    backlog(silent, down_from=400, down_to=600)
    silent.state = restore(dump(silent.state))
    silent.wait(NOW_S + 6)
    assert len(silent.of(PastIncident)) == 1


def test_late_evidence_of_one_region_alone_tells_nothing(silent: Shard) -> None:
    for at in range(200, 1000, 30):
        silent.up(ABC[0], at, now_s=NOW_S)
    assert silent.wait(NOW_S + 6) == []


def test_an_outage_that_late_evidence_leaves_on_becomes_the_live_one(silent: Shard) -> None:
    """The cut-off agents' spools come before their next slots: what they show is still on, and live votes say so 20 s later."""
    for region in ABC:
        for at in range(1700, 1945, 30):
            for i in range(2):
                silent.fail(region, at + 0.6 * i, slot_s=at, number=i, now_s=NOW_S)
    silent.wait(NOW_S + 15)
    assert silent.of(PastIncident) == []
    for region in ABC:
        silent.down(region, NOW_S + 20)
    (live,) = silent.confirmed
    silent.wait(NOW_S + 27)
    (moved,) = silent.of(IncidentMoved)
    assert (moved.incident, moved.start_us) == (live.incident, 1700 * S)
    assert silent.of(PastIncident) == []


def test_one_that_no_live_vote_speaks_of_stays_in_the_past(silent: Shard) -> None:
    for region in ABC:
        for at in range(1700, 1945, 30):
            for i in range(2):
                silent.fail(region, at + 0.6 * i, slot_s=at, number=i, now_s=NOW_S)
    for at in range(1, 70):
        silent.wait(NOW_S + at)
    (past,) = silent.of(PastIncident)
    assert (past.start_us, past.ended) == (1700 * S, False)
