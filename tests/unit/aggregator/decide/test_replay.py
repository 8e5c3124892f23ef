"""What the verdict owes to a bus that repeats itself and to processes that die."""

from dataclasses import dataclass

from deciding import ABC, Shard, policy_of
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.decide.snapshot import dump, restore
from aggregator.decide.transitions import Transition
from quivive.domain.words import Outcome


@dataclass(frozen=True)
class Step:
    region: str
    outcome: Outcome
    pause_s: float
    number: int


steps = st.lists(
    st.builds(
        Step,
        region=st.sampled_from(ABC),
        outcome=st.sampled_from([Outcome.UP, Outcome.UP, Outcome.DOWN, Outcome.DOWN, Outcome.BLOCKED]),
        pause_s=st.sampled_from([0.2, 0.6, 5.0, 10.0, 70.0]),
        number=st.integers(0, 3),
    ),
    max_size=60,
)


def run(history: list[Step], *, twice: bool = False, restart_every: int | None = None) -> list[Transition]:
    shard = Shard(policy_of())
    at_s = 100.0
    for i, step in enumerate(history):
        at_s = round(at_s + step.pause_s, 1)
        for _ in range(2 if twice else 1):
            shard.feed(step.region, step.outcome, at_s, number=step.number)
        shard.wait(at_s + 0.15)
        if restart_every and i % restart_every == 0:
            shard.state = restore(dump(shard.state))
    return shard.said


@given(steps)
@settings(max_examples=150, deadline=None)
def test_a_result_that_comes_twice_is_counted_once(history: list[Step]) -> None:
    assert run(history, twice=True) == run(history)


@given(steps, st.integers(1, 7))
@settings(max_examples=150, deadline=None)
def test_a_restart_from_the_snapshot_at_any_point_concludes_the_same(history: list[Step], every: int) -> None:
    assert run(history, restart_every=every) == run(history)


@given(steps)
@settings(max_examples=150, deadline=None)
def test_incidents_of_a_check_never_overlap_and_resolve_after_they_start(history: list[Step]) -> None:
    open_incident = None
    last_resolve_us = 0
    for said in run(history):
        match type(said).__name__:
            case "IncidentConfirmed":
                assert open_incident is None
                assert said.start_us > last_resolve_us
                assert said.start_us <= said.confirm_us
                open_incident, start_us = said.incident, said.start_us
            case "IncidentReopened":
                assert said.at_us > last_resolve_us
                open_incident, start_us = said.incident, said.at_us
            case "IncidentResolved":
                assert said.incident == open_incident
                assert said.resolve_us > start_us
                open_incident, last_resolve_us = None, said.resolve_us
