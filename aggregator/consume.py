"""Step CONSUME: reads the shards' results in order, has them decided on, and commits what comes of it in micro-batches.

1. Read what has arrived.
2. Take in what does not come as a message: other policies, blind or sighted regions. Each forces a snapshot.
3. Decode, refuse what cannot be, decide; ask for confirmations at once.
4. Let time pass where no message did, by the bus's time, or by the clock while the bus is idle.
5. Commit results, transitions and positions in one transaction, and now and then snapshots; tell watchers. Meanwhile the next
   micro-batch is read and decided on; it is committed after this one. A few results that change nothing wait for more of them.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import structlog

from aggregator import database
from aggregator.confirmations import Confirmations
from aggregator.decide.policy import Policy
from aggregator.decide.transitions import ConfirmationWanted, Transition
from aggregator.events import Events
from aggregator.holdings import Holdings
from aggregator.metrics import UNKNOWN_RESULTS
from aggregator.persist.batch import Batch, Poisoned, RegionEvent, Seen
from aggregator.persist.writer import Writer
from aggregator.policies import PolicyStore
from aggregator.refusals import Refusals, refuse_impossible_times
from aggregator.reports import Report
from aggregator.results import BadBatch, Results, decode
from aggregator.shards import Shard
from aggregator.watch import DUTY_SHARD, Watch
from quivive.bus import Delivery

log = structlog.get_logger(__name__)

MOST_RESULTS = 100_000
"""In one transaction."""
SNAPSHOT_S = 10.0
"""Each shard is saved as often, unless it must be at once."""
GATHER_S, FEW_RESULTS = 0.4, 1_000
"""So long a few results wait for others to be committed with, as long as nothing follows from them."""
LET_PASS_S = 0.5
"""Time passes for shards without messages no oftener than this."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the consumer works with."""

    holdings: Holdings
    writer: Writer
    policies: PolicyStore
    watch: Watch
    confirmations: Confirmations
    events: Events
    on_commit: Callable[[], None]
    """Called after each commit that may have something to tell."""


class Consumer:
    """Reads what the shards that we hold are told, decides, and has it recorded."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._shards = around.holdings.shards
        self._watch = around.watch
        self._declared = around.policies.declared
        self._refusals = Refusals()
        self._lone: Counter[str] = Counter()
        self._bus_us = 0
        self._touched: set[int] = set()
        self._saved_at = self._passed_at = time.monotonic()
        self._turn = -1
        """The shard that was saved last in its turn."""
        self._gathered, self._gathering_since = Batch(), 0.0
        """What is to be committed next."""
        self._recording: asyncio.Future[None] | None = None
        """The commit under way."""

    @property
    def caught_up(self) -> bool:
        """Every shard decides on what is new."""
        return not any(shard.replaying for shard in self._shards.values())

    @property
    def report(self) -> Report:
        """What whoever is on duty has to know of our shards."""
        deciding = sum(1 for _ in self._deciding())
        doubted = self._watch.doubted if self._watch.on_duty else frozenset[str]()
        return Report(deciding, self._lone, self._around.holdings.known.unknown, doubted)

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until `stopping`, then save every shard. Raises Fenced."""
        stop = asyncio.ensure_future(stopping.wait())
        try:
            while not stopping.is_set():
                await self._rearrange()
                reading = asyncio.ensure_future(self._around.holdings.read())
                await self._until_read(reading, stop)
                if not reading.done():
                    reading.cancel()
                    break
                await self._step(reading.result())
            last = self._gathered
            self._take_changes(last, idle=False)
            await self._commit(last, save=True)
            await self._recorded()
        finally:
            stop.cancel()
            if self._recording is not None:
                self._recording.cancel()

    async def _until_read(self, reading: asyncio.Future[Any], stop: asyncio.Future[Any]) -> None:
        """Wait, and commit what was gathered when nothing joins it in time."""
        while not reading.done() and not stop.done():
            left_s = max(self._gathering_since + GATHER_S - time.monotonic(), 0.0) if self._gathered else None
            await asyncio.wait({reading, stop}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            if self._gathered and time.monotonic() >= self._gathering_since + GATHER_S:
                await self._commit(self._gathered)

    async def _rearrange(self) -> None:
        """Hand over what others should have, saved to the last message; take what has come to us."""
        surplus = self._around.holdings.surplus()
        if surplus:
            await self._commit(self._gathered, save=True)
            await self._recorded()
            if DUTY_SHARD in surplus:
                self._watch.go_off_duty()
            await self._around.holdings.release(surplus)
        if await self._around.holdings.take_gained() or surplus:
            self._bus_us = 0  # messages of the past are about to come again

    async def _step(self, deliveries: list[Delivery]) -> None:
        if self._recording is not None and self._recording.done():
            await self._recorded()  # it may have failed
        idle = not deliveries and self._around.holdings.caught_up
        if idle:
            self._bus_us = max(self._bus_us, time.time_ns() // 1000)
        await self._report_for_duty()
        batch = self._gathered
        if not batch:
            self._gathering_since = time.monotonic()
        self._take_changes(batch, idle=idle)
        for delivery in deliveries:
            await self._take(delivery, batch)
            if batch.results > MOST_RESULTS:
                await self._commit(batch)
                batch = self._gathered
            elif self._recording is not None:
                await asyncio.sleep(0)  # what is being committed wants to be sent
        if self._bus_us and time.monotonic() - self._passed_at >= LET_PASS_S:
            self._passed_at = time.monotonic()
            for shard in self._deciding():
                await self._add(batch, shard, shard.let_pass(self._bus_us))
            self._compare_regions()
        waits = bool(batch) and batch.is_quiet and batch.results <= FEW_RESULTS
        if not waits or time.monotonic() >= self._gathering_since + GATHER_S:
            await self._commit(batch)

    async def _report_for_duty(self) -> None:
        """Only once the shard is up to date: its mark has to go with what is judged."""
        if not self._watch.on_duty and any(shard.number == DUTY_SHARD for shard in self._deciding()):
            await self._watch.go_on_duty()

    def _compare_regions(self) -> None:
        otherwise_blind = self._watch.blind - self._watch.doubted
        self._lone = sum((shard.lone_failures(otherwise_blind) for shard in self._deciding()), Counter())
        self._watch.compare(self.report, self._declared)

    def _deciding(self) -> Iterable[Shard]:
        return (shard for shard in self._shards.values() if not shard.replaying)

    def _take_changes(self, batch: Batch, *, idle: bool) -> None:
        """Bring the shards in line with what is declared and who can see, unless they are still behind their position."""
        if self._bus_us == 0:  # nobody has told the time yet
            return
        self._declared = self._around.policies.declared
        self._watch.look(self._declared, batch, self._bus_us)
        for shard in self._shards.values():
            if idle or not shard.replaying or shard.position <= self._around.holdings.sequence:
                batch.transitions += self._adopt(shard, self._bus_us)

    def _adopt(self, shard: Shard, now_us: int) -> list[Transition]:
        return shard.adopt(self._declared.shards[shard.number], self._watch.blind, now_us)

    async def _take(self, delivery: Delivery, batch: Batch) -> None:
        holdings = self._around.holdings
        holdings.note(delivery.sequence)
        self._bus_us = max(self._bus_us, delivery.time_us)
        number, _, region = delivery.subject.removeprefix("quivive.results.").partition(".")
        owned = self._shards.get(int(number)) if number.isdecimal() else None
        if owned is None:
            if DUTY_SHARD in self._shards and not holdings.is_shard(number):
                batch.poisoned.append(_poisoned(delivery, f"there is no shard {number}"))
            return
        if delivery.sequence <= owned.taken:
            return
        owned.taken = delivery.sequence
        is_replay = delivery.sequence <= owned.position
        if owned.replaying and not is_replay:
            await self._add(batch, owned, self._adopt(owned, delivery.time_us))
        self._touched.add(owned.number)
        try:
            results = decode(delivery.data, shard=owned.number, region=region)
            refuse_impossible_times(results, delivery.time_us)
            if is_replay:
                owned.take(results, delivery.time_us)
            else:
                batch.see(await self._recognise(results, delivery.time_us, batch))
                await self._add(batch, owned, owned.take(results, delivery.time_us))
        except BadBatch as error:
            if not is_replay:
                log.warning("message.refused", subject=delivery.subject, reason=str(error))
                batch.poisoned.append(_poisoned(delivery, str(error)))

    async def _recognise(self, results: Results, now_us: int, batch: Batch) -> Seen:
        """The region's number and which checks exist; looks again for what is not known. BadBatch: nobody declared the region."""
        known = self._declared.knows(results.check)
        if results.region not in self._declared.regions or not known.all():
            await self._look_up(batch)
            known = self._declared.knows(results.check)
        region = self._declared.regions.get(results.region)
        if region is None:
            if self._refusals.is_news(results.region, now_us):
                event = RegionEvent(results.region, "refused", now_us, "results of a region that nobody declared")
                batch.region_events.append(event)
            raise BadBatch(f"nobody declared region {results.region}")
        if strangers := len(results) - int(known.sum()):
            UNKNOWN_RESULTS.inc(strangers)
            log.warning("results.unknown", region=results.region, agent=results.agent, results=strangers)
        return Seen(results, region, known)

    async def _look_up(self, batch: Batch) -> None:
        """What is declared now, if it is more than we knew. Reading waits for the database."""
        async for attempt in database.patiently():
            with attempt:
                await self._around.policies.refresh()
        self._take_changes(batch, idle=False)

    async def _add(self, batch: Batch, shard: Shard, transitions: list[Transition]) -> None:
        """Requests for confirmation go out before anything is committed: they decide nothing."""
        if transitions:
            self._touched.add(shard.number)
        batch.transitions += transitions
        for transition in transitions:
            if isinstance(transition, ConfirmationWanted):
                await self._around.confirmations.ask(transition)

    async def _commit(self, batch: Batch, *, save: bool = False) -> None:
        """Have the batch recorded after those before it, and from time to time where every shard stands, so that a new owner need
        not read far. Returns while it is being recorded. Raises what the one before it failed with."""
        self._around.holdings.known.follow(batch.transitions, self._declared.is_critical)
        self._watch.judge_completeness(self.report, batch)
        if batch.region_events or batch.notices:
            self._touched.add(DUTY_SHARD)
        sequence = self._around.holdings.sequence
        deciding = list(self._deciding())
        turn = self._next_turn(deciding)
        for shard in deciding:
            moved = shard.dirty or shard.snapshot_position < sequence
            saves = shard.must_save or (moved and (save or shard.number == turn))
            if saves or shard.number in self._touched:
                batch.marks.append(shard.mark(max(sequence, shard.taken), save=saves))
        self._touched.clear()
        batch.stream_time = self._around.holdings.stream_time
        if not batch:
            return
        self._gathered = Batch()
        await self._recorded()
        self._recording = asyncio.ensure_future(self._record(batch, self._declared.latest.get))

    def _next_turn(self, deciding: list[Shard]) -> int | None:
        """The shard whose snapshot is due: one after the other, for all of them at once would hold up what is coming in."""
        if not deciding or time.monotonic() - self._saved_at < SNAPSHOT_S / len(deciding):
            return None
        self._saved_at = time.monotonic()
        numbers = sorted(shard.number for shard in deciding)
        self._turn = next((number for number in numbers if number > self._turn), numbers[0])
        return self._turn

    async def _record(self, batch: Batch, policy_of: Callable[[int], Policy | None]) -> None:
        await self._around.writer.commit(batch)
        self._around.events.tell(batch.transitions, policy_of)
        self._around.on_commit()

    async def _recorded(self) -> None:
        """Wait for the commit under way. Raises Fenced, and what is not an outage of the database."""
        if self._recording is not None:
            await self._recording
            self._recording = None


def _poisoned(delivery: Delivery, reason: str) -> Poisoned:
    return Poisoned(delivery.sequence, delivery.subject, delivery.time_us, reason, delivery.data)
