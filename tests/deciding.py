"""A shard under test: feed it attempts by region and second, read what it concluded."""

from dataclasses import dataclass, field

import numpy as np

from aggregator.decide.core import ShardState, advance, apply_results
from aggregator.decide.policy import Policies, Policy
from aggregator.decide.transitions import (
    ConfirmationWanted,
    IncidentConfirmed,
    IncidentReopened,
    IncidentResolved,
    StateChanged,
    SuspicionOpened,
    SuspicionRetracted,
    Transition,
)
from aggregator.results import Results
from quivive.domain.words import Cause, Outcome, State

S = 1_000_000
ABC = ("a", "b", "c")
CHECK = 7


def policy_of(regions: tuple[str, ...] = ABC, *, check: int = CHECK, revision: int = 1, interval_s: int = 30) -> Policy:
    return Policy(
        check=check,
        revision=revision,
        name=f"sites/s{check}/checks/http",
        site=f"s{check}",
        customer="c",
        regions=regions,
        interval_us=interval_s * S,
        timeout_us=10 * S,
        down_attempts=3 if len(regions) == 1 else 2,
    )


def results_of(
    region: str,
    outcome: Outcome,
    *,
    check: int = CHECK,
    slot_us: int,
    number: int,
    end_us: int,
    took_us: int,
    cause: Cause,
    revision: int = 1,
) -> Results:
    phases = np.zeros((1, 5), np.int32)
    phases[0, 3] = took_us // 100
    return Results(
        region=region,
        agent="agent",
        number=1,
        shard=0,
        check=np.array([check], np.int64),
        revision=np.array([revision], np.int32),
        slot_us=np.array([slot_us], np.int64),
        attempt=np.array([number], np.int16),
        outcome=np.array([outcome], np.int16),
        cause=np.array([cause], np.int16),
        end_us=np.array([end_us], np.int64),
        phases=phases,
        http_status=np.zeros(1, np.int16),
        evidence={},
    )


@dataclass
class Shard:
    """One check's shard. Seconds are the tests' unit; `said` collects every transition."""

    policy: Policy
    state: ShardState = field(default_factory=ShardState)
    blind: frozenset[str] = frozenset()
    ended: dict[int, str] = field(default_factory=dict)
    said: list[Transition] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.policies = Policies({self.policy.check: self.policy}, {}, {})

    def feed(
        self,
        region: str,
        outcome: Outcome,
        at_s: float,
        *,
        slot_s: float | None = None,
        number: int = 0,
        took_s: float = 0.1,
        cause: Cause = Cause.UNSPECIFIED,
        now_s: float | None = None,
        revision: int | None = None,
    ) -> list[Transition]:
        """An attempt that began at `at_s` and took `took_s`; it reaches the bus as it ends unless `now_s` says otherwise."""
        end_us = round((at_s + took_s) * S)
        said = apply_results(
            self.state,
            results_of(
                region,
                outcome,
                check=self.policy.check,
                slot_us=round((at_s if slot_s is None else slot_s) * S),
                number=number,
                end_us=end_us,
                took_us=round(took_s * S),
                cause=cause or (Cause.TCP_REFUSED if outcome is Outcome.DOWN else Cause.UNSPECIFIED),
                revision=self.policy.revision if revision is None else revision,
            ),
            self.policies,
            self.blind,
            end_us if now_s is None else round(now_s * S),
        )
        self.said += said
        return said

    def up(self, region: str, at_s: float, **rest: object) -> list[Transition]:
        return self.feed(region, Outcome.UP, at_s, **rest)  # type: ignore[arg-type]

    def fail(self, region: str, at_s: float, **rest: object) -> list[Transition]:
        return self.feed(region, Outcome.DOWN, at_s, **rest)  # type: ignore[arg-type]

    def down(
        self, region: str, at_s: float, *, slot_s: float | None = None, first: int = 0, times: int = 2
    ) -> list[Transition]:
        """Failing attempts half a second apart, as an agent makes them."""
        said = []
        for i in range(times):
            slot = at_s if slot_s is None else slot_s
            said += self.fail(region, at_s + 0.6 * i, slot_s=slot, number=first + i)
        return said

    def all_up(self, at_s: float, regions: tuple[str, ...] | None = None) -> None:
        for region in regions or self.policy.regions:
            self.up(region, at_s)

    def wait(self, until_s: float) -> list[Transition]:
        said = advance(self.state, self.policies, self.blind, round(until_s * S))
        self.said += said
        return said

    def states(self) -> list[tuple[State, float]]:
        """What is on record: each state and since when, later words overwriting earlier ones from their instant on."""
        record: list[tuple[State, float]] = []
        for change in self.said:
            if isinstance(change, StateChanged):
                at_s = change.at_us / S
                record = [entry for entry in record if entry[1] < at_s]
                record.append((change.state, at_s))
        return record

    def of(self, kind: type) -> list:
        return [transition for transition in self.said if isinstance(transition, kind)]

    @property
    def confirmed(self) -> list[IncidentConfirmed]:
        return self.of(IncidentConfirmed)

    @property
    def resolved(self) -> list[IncidentResolved]:
        return self.of(IncidentResolved)

    @property
    def reopened(self) -> list[IncidentReopened]:
        return self.of(IncidentReopened)

    @property
    def suspicions(self) -> list[SuspicionOpened]:
        return self.of(SuspicionOpened)

    @property
    def retracted(self) -> list[SuspicionRetracted]:
        return self.of(SuspicionRetracted)

    @property
    def asked(self) -> list[ConfirmationWanted]:
        return self.of(ConfirmationWanted)
