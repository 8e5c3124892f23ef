"""A whole shard through repetition, restarts and takeovers: checks of one to five regions, outages of several causes, loss, late
results, blind regions, a changed target. Whatever happens to its owners, the same incidents and the same intervals come of it."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random

from deciding import S, policy_of, results_of
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.decide.policy import Policies, Policy
from aggregator.decide.transitions import (
    ConfirmationWanted,
    IncidentConfirmed,
    IncidentReopened,
    IncidentResolved,
    StateChanged,
    Transition,
)
from aggregator.leases import Lease
from aggregator.persist.intervals import rewrites
from aggregator.results import Results
from aggregator.shards import Shard
from quivive.domain.words import Cause, Outcome

REGIONS = ("a", "b", "c", "d", "e")
CAUSES = (Cause.TCP_REFUSED, Cause.HTTP_STATUS_5XX, Cause.DNS_NXDOMAIN, Cause.CONTENT_DATABASE_ERROR)
END_S = 600
SEEDS = st.integers(0, 2**32)


@dataclass(frozen=True)
class Message:
    """A result as it reaches the bus, and what is declared and blind by then."""

    at_us: int
    results: Results
    policies: Policies
    blind: frozenset[str]


@dataclass
class Fleet:
    """Five checks, of one to five regions, and everything that befalls them."""

    rnd: Random
    messages: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        rnd = self.rnd
        first = {k: policy_of(REGIONS[:k], check=k, revision=1) for k in range(1, 6)}
        self.changed, self.changed_s = rnd.randint(1, 5), rnd.uniform(200, 550)
        second = {**first, self.changed: replace(first[self.changed], revision=2)}
        revisions = {(p.check, p.revision): p for p in (*first.values(), *second.values())}
        self.before, self.after = Policies(first, revisions, {}), Policies(second, revisions, {})
        self.blind = rnd.choice(REGIONS), rnd.uniform(150, 450)
        seen = [look for policy in first.values() for look in self._looks(policy)]
        for at_s, look_s, policy, region, outcome, cause, slot, number in sorted(seen, key=lambda look: look[0]):
            results = results_of(
                region,
                outcome,
                check=policy.check,
                slot_us=slot * S,
                number=number,
                end_us=round((look_s + 0.1) * S),
                took_us=100_000,
                cause=cause,
                revision=2 if policy.check == self.changed and look_s > self.changed_s else 1,
            )
            region_blind, since_s = self.blind
            is_blind = since_s <= at_s < since_s + 120
            self.messages.append(
                Message(
                    round(at_s * S),
                    results,
                    self.after if at_s > self.changed_s else self.before,
                    frozenset({region_blind}) if is_blind else frozenset(),
                )
            )

    def _looks(self, policy: Policy) -> Iterator[tuple[float, float, Policy, str, Outcome, Cause, int, int]]:
        rnd = self.rnd
        outages = [(start, start + rnd.uniform(5, 200)) for start in (rnd.uniform(80, 250), rnd.uniform(300, 550))]
        cause, loss, lateness = rnd.choice(CAUSES), rnd.choice([0.0, 0.03]), rnd.choice([0.0, 0.05])
        alone = len(policy.regions) == 1
        for rank, region in enumerate(policy.regions):
            reach = rnd.random() < 0.8
            for slot in range(60 + 30 * rank // len(policy.regions), END_S, 30):
                for number in range(policy.down_attempts):
                    look_s = slot + number * (5.2 if alone else 0.6)
                    failing = (reach and any(a <= look_s < b for a, b in outages)) or rnd.random() < loss
                    outcome = Outcome.DOWN if failing else rnd.choice([Outcome.UP] * 15 + [Outcome.BLOCKED])
                    delay_s = rnd.uniform(60, 200) if rnd.random() < lateness else rnd.uniform(0.1, 3)
                    yield (
                        look_s + 0.1 + delay_s,
                        look_s,
                        policy,
                        region,
                        outcome,
                        cause if failing else Cause.UNSPECIFIED,
                        slot,
                        number,
                    )
                    if not failing:
                        break


@dataclass
class Owners:
    """The shard through its owners: `said` is what they committed, `lease` what the next one would find."""

    messages: list[Message]
    said: list[Transition] = field(default_factory=list)
    lease: Lease = field(default_factory=lambda: Lease(0, 1, 0, 0, None))

    def run(self, takeovers: frozenset[int] = frozenset(), *, save_every: int = 1000, times: int = 1) -> "Owners":
        shard = Shard(self.lease)
        for sequence, message in enumerate(self.messages, 1):
            self.said += shard.adopt(message.policies, message.blind, message.at_us)
            for _ in range(times):
                self.said += shard.take(message.results, message.at_us)
            self._commit(shard, sequence, save=shard.must_save or sequence % save_every == 0)
            if sequence in takeovers:
                shard = self._take_over()
        last = self.messages[-1]
        for at_s in range(END_S + 200, END_S + 400, 20):
            self.said += shard.adopt(last.policies, last.blind, at_s * S) + shard.let_pass(at_s * S)
        return self

    def _commit(self, shard: Shard, sequence: int, *, save: bool) -> None:
        mark = shard.mark(sequence, save=save)
        self.lease = replace(self.lease, position=mark.position)
        if mark.snapshot_position is not None:
            snapshot = mark.snapshot or self.lease.snapshot
            self.lease = replace(self.lease, snapshot_position=mark.snapshot_position, snapshot=snapshot)

    def _take_over(self) -> Shard:
        shard = Shard(replace(self.lease, epoch=self.lease.epoch + 1))
        for message in self.messages[self.lease.snapshot_position : self.lease.position]:
            shard.take(message.results, message.at_us)  # what it says now has been committed
        return shard

    @property
    def concluded(self) -> list[Transition]:
        """Check by check: in which order checks are reviewed at one instant is nobody's business."""
        told = [said for said in self.said if not isinstance(said, ConfirmationWanted)]
        return sorted(told, key=lambda said: said.check)

    @property
    def intervals(self) -> list[list[StateChanged]]:
        return rewrites(said for said in self.concluded if isinstance(said, StateChanged))


@given(SEEDS, st.integers(7, 90), st.integers(1, 40))
@settings(max_examples=5, deadline=None)
def test_a_fleet_taken_over_at_any_point_has_the_same_incidents_and_intervals(seed: int, step: int, every: int) -> None:
    messages = Fleet(Random(seed)).messages
    calm = Owners(messages).run()
    taken_over = Owners(messages).run(frozenset(range(step, len(messages), step)), save_every=every)
    assert taken_over.concluded == calm.concluded
    assert taken_over.intervals == calm.intervals


@given(SEEDS)
@settings(max_examples=5, deadline=None)
def test_a_fleet_whose_results_all_come_twice_has_the_same_incidents_and_intervals(seed: int) -> None:
    messages = Fleet(Random(seed)).messages
    assert Owners(messages).run(times=2).concluded == Owners(messages).run().concluded


@given(SEEDS)
@settings(max_examples=5, deadline=None)
def test_down_intervals_are_those_of_incidents_and_incidents_never_overlap(seed: int) -> None:
    owners = Owners(Fleet(Random(seed)).messages).run()
    open_since: dict[str, int] = {}
    spans: dict[int, list[tuple[int, int]]] = {}
    for said in owners.concluded:
        match said:
            case IncidentConfirmed():
                open_since[said.incident] = said.start_us
            case IncidentReopened():
                open_since[said.incident] = said.at_us
            case IncidentResolved():
                start_us = open_since.pop(said.incident)
                assert start_us < said.resolve_us
                spans.setdefault(said.check, []).append((start_us, said.resolve_us))
            case _:
                pass
    for own in spans.values():
        assert own == sorted(own)
        assert all(end <= start for (_, end), (start, _) in pairwise(own))
    for changes in owners.intervals:
        for change in changes:
            if change.incident is not None and change.incident not in open_since:
                starts = [start for start, _ in spans[change.check]]
                _, end = spans[change.check][bisect_right(starts, change.at_us) - 1]
                assert change.at_us < end
