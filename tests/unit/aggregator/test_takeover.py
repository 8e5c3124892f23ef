"""Whoever takes a shard over, at any message, from a snapshot of any age, concludes what an undisturbed owner does."""

from dataclasses import dataclass, replace

from deciding import ABC, CHECK, S, policy_of, results_of
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.decide.policy import Policies
from aggregator.decide.transitions import ConfirmationWanted, Transition
from aggregator.leases import Lease, Member, share
from aggregator.reports import Report, total
from aggregator.shards import Shard
from quivive.domain.words import Cause, Outcome


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
        outcome=st.sampled_from([Outcome.UP, Outcome.UP, Outcome.DOWN, Outcome.DOWN]),
        pause_s=st.sampled_from([0.2, 0.6, 5.0, 10.0, 70.0]),
        number=st.integers(0, 3),
    ),
    max_size=40,
)
NOBODY: frozenset[str] = frozenset()


@dataclass
class Owners:
    """One shard through its owners: `said` is what they committed, `lease` what the next one would find."""

    history: list[Step]

    def __post_init__(self) -> None:
        self.said: list[Transition] = []
        self.lease = Lease(0, 1, 0, 0, None)
        self.policies = Policies({CHECK: policy_of()}, {}, {})
        self.shard = Shard(self.lease)
        self.times = []
        now_us = 100 * S
        for step in self.history:
            now_us += round(step.pause_s * S)
            self.times.append(now_us)

    def run(self, *, takeovers: frozenset[int] = frozenset(), save_every: int = 1) -> list[Transition]:
        for sequence in range(1, len(self.history) + 1):
            self.said += self.adopt(sequence) + self.take(sequence)
            self.commit(sequence, save=self.shard.must_save or sequence % save_every == 0)
            if sequence in takeovers:
                self.take_over()
        return [said for said in self.said if not isinstance(said, ConfirmationWanted)]

    def adopt(self, sequence: int) -> list[Transition]:
        return self.shard.adopt(self.policies, NOBODY, self.times[sequence - 1])

    def take(self, sequence: int) -> list[Transition]:
        step, now_us = self.history[sequence - 1], self.times[sequence - 1]
        cause = Cause.TCP_REFUSED if step.outcome is Outcome.DOWN else Cause.UNSPECIFIED
        results = results_of(
            step.region, step.outcome, slot_us=now_us, number=step.number, end_us=now_us, took_us=1000, cause=cause
        )
        return self.shard.take(results, now_us)

    def commit(self, sequence: int, *, save: bool) -> None:
        mark = self.shard.mark(sequence, save=save)
        self.lease = replace(self.lease, position=mark.position)
        if mark.snapshot_position is not None:
            self.lease = replace(
                self.lease, snapshot_position=mark.snapshot_position, snapshot=mark.snapshot or self.lease.snapshot
            )

    def take_over(self) -> None:
        self.lease = replace(self.lease, epoch=self.lease.epoch + 1)
        self.shard = Shard(self.lease)
        for sequence in range(self.lease.snapshot_position + 1, self.lease.position + 1):
            self.take(sequence)  # what it says now has been committed


@given(steps, st.frozensets(st.integers(1, 40)), st.integers(1, 9))
@settings(max_examples=150, deadline=None)
def test_takeovers_at_any_point_conclude_the_same(history: list[Step], takeovers: frozenset[int], every: int) -> None:
    assert Owners(history).run(takeovers=takeovers, save_every=every) == Owners(history).run()


@given(st.integers(1, 9), st.integers(1, 64))
def test_shares_are_even_and_make_up_the_whole(members: int, shards: int) -> None:
    present = [Member(str(number), Report(), 0) for number in range(members)]
    shares = [share(present, member.name, shards) for member in present]
    assert sum(shares) == shards
    assert max(shares) - min(shares) <= 1


def test_what_all_tell_is_added_up_and_survives_its_way_through_the_database() -> None:
    told = [Report(2, {"eu": 1}, 1, frozenset({"us"})), Report(3, {"eu": 2, "us": 1}, 0)]
    assert total(Report.of_json(report.to_json()) for report in told) == Report(
        5, {"eu": 3, "us": 1}, 1, frozenset({"us"})
    )
