"""What the verdict owes to a bus that repeats itself and to processes that die."""

from dataclasses import dataclass
from random import Random

from deciding import ABC, Shard, policy_of
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.decide.snapshot import dump, restore
from aggregator.decide.transitions import Transition
from quivive.domain.words import Outcome, State


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


def agents(rnd: Random) -> list[tuple[float, str, float, int, bool]]:
    """What three regions' agents see of a site with real outages and random loss: instant, region, slot, attempt, good."""
    outages = []
    at_s = 200.0
    for _ in range(rnd.randint(1, 3)):
        start_s = at_s + rnd.uniform(20, 300)
        at_s = start_s + rnd.uniform(5, 200)
        outages.append((start_s, at_s))
    loss = rnd.choice([0.0, 0.0, 0.02, 0.1])
    seen = []
    for rank, region in enumerate(ABC):
        for slot in range(100 + 10 * rank, 1200, 30):
            for number in range(2):
                look_s = slot + 0.6 * number
                good = rnd.random() >= loss and not any(start_s <= look_s < end_s for start_s, end_s in outages)
                seen.append((look_s, region, float(slot), number, good))
                if good:
                    break
    return seen


def record_of(seen: list[tuple[float, str, float, int, bool]], delays_s: list[float]) -> list[tuple[State, float]]:
    """The states on record, neighbours differing, when each attempt arrives so long after its end."""
    shard = Shard(policy_of())
    now_s = 0.0
    for arrival_s, (look_s, region, slot_s, number, good) in sorted(
        (look[0] + 0.1 + delay_s, look) for look, delay_s in zip(seen, delays_s, strict=True)
    ):
        now_s = max(now_s, arrival_s)
        outcome = Outcome.UP if good else Outcome.DOWN
        shard.feed(region, outcome, look_s, slot_s=slot_s, number=number, now_s=now_s)
        shard.wait(now_s)
    shard.wait(1300)
    record: list[tuple[State, float]] = []
    for state, at_s in shard.states():
        if not record or record[-1][0] is not state:
            record.append((state, round(at_s, 3)))
    return record


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_arrivals_permuted_within_the_window_leave_the_same_record(seed: int) -> None:
    rnd = Random(seed)
    seen = agents(rnd)
    assert record_of(seen, [rnd.uniform(0, 4.9) for _ in seen]) == record_of(seen, [0.0] * len(seen))
