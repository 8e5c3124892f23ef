"""Decisions carry the votes that they rest on."""

from deciding import ABC, Shard

from aggregator.decide.counted import Counted, Standing
from aggregator.decide.testimony import is_decision
from quivive.domain.words import State


def standings(counted: Counted | None) -> dict[str, tuple[Standing, bool | None]]:
    assert counted is not None
    return {voice.region: (voice.standing, voice.up) for voice in counted.voices}


def test_a_confirmed_incident_says_who_voted_what(shard: Shard) -> None:
    shard.down("a", 110)
    shard.down("b", 111)
    (incident,) = shard.confirmed
    assert incident.counted is not None
    assert incident.counted.at_us == incident.confirm_us
    assert incident.counted.quorum == 2
    assert standings(incident.counted) == {
        "a": (Standing.COUNTED, False),
        "b": (Standing.COUNTED, False),
        "c": (Standing.COUNTED, True),
    }
    assert [len(voice.failing) for voice in incident.counted.voices] == [2, 2, 0]


def test_a_retracted_suspicion_keeps_the_vote_that_was_refuted(shard: Shard) -> None:
    shard.down("a", 110)
    shard.up("b", 112)
    shard.up("c", 113)
    (retracted,) = shard.retracted
    assert standings(retracted.counted)["a"] == (Standing.COUNTED, False)


def test_blind_and_stale_regions_are_named_so(shard: Shard) -> None:
    shard.blind = frozenset({"a"})
    shard.wait(300)
    change = next(t for t in reversed(shard.said) if is_decision(t))
    assert getattr(change, "state", None) is State.UNKNOWN
    found = standings(change.counted)
    assert found["a"][0] is Standing.BLIND
    assert {found[region][0] for region in ABC[1:]} == {Standing.STALE}
