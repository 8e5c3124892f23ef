"""Quivive in a simulated world: its agents' grid and attempts, its bus, and the decision core of production."""

import heapq
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from outcome import Found
from world import S, World, merged

from aggregator.decide.compare import blind_by_comparison, lone_failures, watched_checks
from aggregator.decide.core import ShardState, advance, apply_results
from aggregator.decide.policy import Policies, Policy
from aggregator.decide.transitions import (
    ConfirmationWanted,
    IncidentConfirmed,
    IncidentReopened,
    IncidentResolved,
    PastFilled,
    StateChanged,
    Transition,
)
from aggregator.results import Results
from quivive.domain.checks import phase_us
from quivive.domain.words import Cause, Outcome, State

TICK_US = S
"""Good results wait this long to be batched; failing ones go at once."""
GAP_US = S // 2
BLIND_US = 15 * S
"""An agent that has not been heard for this long leaves its region blind."""
BUS_US = 5_000
"""One way over the bus."""


@dataclass(order=True, slots=True)
class Look:
    """An attempt that is to be made at `at_us`."""

    at_us: int
    site: int
    region: int
    slot_us: int
    number: int
    left: int
    """Attempts that may still follow while they fail."""


@dataclass
class Run:
    """The world seen by Quivive. `said` keeps every transition, in order, with the bus time it was said at."""

    world: World
    state: ShardState = field(default_factory=ShardState)
    said: list[tuple[int, Transition]] = field(default_factory=list)
    _looks: list[Look] = field(default_factory=list)
    _arrivals: list[tuple[int, int, Results]] = field(default_factory=list)
    _count: int = 0
    doubted: frozenset[str] = frozenset()
    """The regions that are blind by comparison, as whoever is on duty finds once a second."""

    def __post_init__(self) -> None:
        world = self.world
        sites = range(1, world.sites + 1)
        policies = {site: self._policy(site) for site in sites}
        self.policies = Policies(policies, {}, {})
        self._watched = watched_checks(policies.values())
        ranks = len(world.regions)
        self._phases = [
            np.array([phase_us(site, rank, ranks, world.interval_us) for site in sites], np.int64)
            for rank in range(ranks)
        ]
        self._orders = [np.argsort(phases, kind="stable") for phases in self._phases]

    def _policy(self, site: int) -> Policy:
        lone = len(self.world.regions) == 1
        return Policy(
            check=site,
            revision=1,
            name=f"sites/{site}/checks/http",
            site=str(site),
            customer="c",
            regions=self.world.regions,
            interval_us=self.world.interval_us,
            timeout_us=10 * S,
            down_attempts=3 if lone else 2,
        )

    def run(self) -> "Run":
        """Let the whole world pass, a tick at a time."""
        for tick_us in range(0, self.world.duration_us, TICK_US):
            self._tick(tick_us)
        self._deliver(self.world.duration_us)
        return self

    def _tick(self, tick_us: int) -> None:
        end_us = tick_us + TICK_US
        for region in range(len(self.world.regions)):
            self._slots(region, tick_us, end_us)
        while self._looks and self._looks[0].at_us < end_us:
            self._look(heapq.heappop(self._looks))
            self._deliver(self._looks[0].at_us if self._looks else end_us)
        self._deliver(end_us)
        self._compare(end_us)
        if self.world.stalled_until(end_us) == end_us and (tick_us // TICK_US) % 2 == 0:
            self._say(advance(self.state, self.policies, self._blind(end_us), end_us), end_us)

    def _slots(self, region: int, start_us: int, end_us: int) -> None:
        """The slots of one region in [start, end): good ones as one batch, failing ones as chains of attempts."""
        world = self.world
        if world.dead(region, start_us):
            return
        offset = start_us % world.interval_us
        phases, order = self._phases[region], self._orders[region]
        sorted_phases = phases[order]
        low, high = np.searchsorted(sorted_phases, [offset, offset + TICK_US])
        found = order[low:high]
        if not len(found):
            return
        sites = found + 1
        slots = start_us - offset + phases[found]
        failing = world.fails(sites, region, slots)
        good = np.flatnonzero(~failing)
        if len(good):
            self._publish(region, sites[good], slots[good], slots[good], Outcome.UP, end_us)
        for i in np.flatnonzero(failing).tolist():
            look = Look(int(slots[i]), int(sites[i]), region, int(slots[i]), 0, 3 if len(world.regions) == 1 else 2)
            heapq.heappush(self._looks, look)

    def _look(self, look: Look) -> None:
        """Make one attempt; a failing one is sent at once and followed by the next."""
        world = self.world
        if world.dead(look.region, look.at_us):
            return
        site, at = np.array([look.site], np.int64), np.array([look.at_us], np.int64)
        failing = world.fails_once(look.site, look.region, look.at_us)
        end_us = look.at_us + world.latency_us
        slot = np.array([look.slot_us], np.int64)
        outcome = Outcome.DOWN if failing else Outcome.UP
        self._publish(look.region, site, slot, at, outcome, end_us, number=look.number)
        if failing and look.left > 1:
            gap_us = 5 * S if len(world.regions) == 1 else GAP_US
            follow = Look(end_us + gap_us, look.site, look.region, look.slot_us, look.number + 1, look.left - 1)
            heapq.heappush(self._looks, follow)

    def _publish(
        self,
        region: int,
        sites: NDArray[np.int64],
        slots: NDArray[np.int64],
        starts: NDArray[np.int64],
        outcome: Outcome,
        sent_us: int,
        *,
        number: int = 0,
    ) -> None:
        world, n = self.world, len(sites)
        phases = np.zeros((n, 5), np.int32)
        phases[:, 3] = world.latency_us // 100
        error_us = world.clock_offsets_us[region] if world.clock_offsets_us else 0
        results = Results(
            region=world.regions[region],
            agent="agent",
            number=self._count,
            shard=0,
            check=sites.astype(np.int64),
            revision=np.ones(n, np.int32),
            slot_us=slots + error_us,
            attempt=np.full(n, number, np.int16),
            outcome=np.full(n, outcome, np.int16),
            cause=np.full(n, Cause.TCP_REFUSED if outcome is Outcome.DOWN else Cause.UNSPECIFIED, np.int16),
            end_us=starts + world.latency_us + error_us,
            phases=phases,
            http_status=np.zeros(n, np.int16),
            evidence={},
        )
        arrive_us = world.stalled_until(sent_us + BUS_US)
        self._count += 1
        heapq.heappush(self._arrivals, (arrive_us, self._count, results))

    def _deliver(self, until_us: int) -> None:
        while self._arrivals and self._arrivals[0][0] <= until_us:
            now_us, _, results = heapq.heappop(self._arrivals)
            self._say(apply_results(self.state, results, self.policies, self._blind(now_us), now_us), now_us)

    def _compare(self, now_us: int) -> None:
        lone = lone_failures(self.state.cases.values(), self._silent(now_us))
        self.doubted = blind_by_comparison(self.doubted, lone, self._watched)

    def _blind(self, now_us: int) -> frozenset[str]:
        return self._silent(now_us) | self.doubted

    def _silent(self, now_us: int) -> frozenset[str]:
        """Presence as the aggregator sees it: gone once an agent has been dead for long enough."""
        return frozenset(
            self.world.regions[region]
            for span in self.world.deaths
            for region in (range(len(self.world.regions)) if span.regions is None else span.regions)
            if span.start_us + BLIND_US <= now_us < span.end_us + S
        )

    def _say(self, transitions: list[Transition], now_us: int) -> None:
        for transition in transitions:
            self.said.append((now_us, transition))
            if isinstance(transition, ConfirmationWanted) and self.world.stalled_until(now_us) == now_us:
                for region in transition.regions:
                    look = Look(
                        now_us + 2 * BUS_US,
                        transition.check,
                        self.world.regions.index(region),
                        transition.slot_us,
                        transition.first_attempt,
                        transition.attempts,
                    )
                    heapq.heappush(self._looks, look)

    def found(self) -> list[Found]:
        """The incidents, with the end of the world as the end of what is still open; a reopened one counts its parts as one."""
        return [Found(site, start, confirm, end) for site, start, confirm, end in self._incidents()]

    def _incidents(self) -> list[tuple[int, int, int, int]]:
        spans: dict[str, list[int]] = {}
        for _, said in self.said:
            match said:
                case IncidentConfirmed():
                    spans[said.incident] = [said.check, said.start_us, said.confirm_us, self.world.duration_us]
                case IncidentReopened():
                    spans[said.incident][3] = self.world.duration_us
                case IncidentResolved():
                    spans[said.incident][3] = said.resolve_us
                case _:
                    pass
        return [(site, start, confirm, end) for site, start, confirm, end in spans.values()]

    def down_spans(self) -> dict[int, list[tuple[int, int]]]:
        """Per site, the DOWN intervals on record: what SLA figures are made of."""
        record: dict[int, list[tuple[int, State]]] = {}
        for _, said in self.said:
            if isinstance(said, StateChanged):
                kept = [entry for entry in record.get(said.check, []) if entry[0] < said.at_us]
                record[said.check] = [*kept, (said.at_us, said.state)]
        spans: dict[int, list[tuple[int, int]]] = {}
        for site, entries in record.items():
            ends = [at for at, _ in entries[1:]] + [self.world.duration_us]
            for (at_us, state), end_us in zip(entries, ends, strict=True):
                if state is State.DOWN:
                    spans.setdefault(site, []).append((at_us, end_us))
        for _, said in self.said:
            if isinstance(said, PastFilled) and said.state is State.DOWN:
                spans.setdefault(said.check, []).append((said.start_us, said.end_us))
        return {site: merged(found) for site, found in spans.items()}
