"""Step CONSUME: reads the shards' results in order, has them decided on, and commits what comes of it in micro-batches.

1. Read what has arrived.
2. Take in what does not come as a message: other policies, blind or sighted regions. Each forces a snapshot.
3. Decode, refuse what cannot be, decide; ask for confirmations at once.
4. Let time pass where no message did, by the bus's time, or by the clock while the bus is idle.
5. Commit results, transitions and positions in one transaction, and now and then snapshots; tell watchers.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from aggregator import database
from aggregator.completeness import Completeness
from aggregator.confirmations import Confirmations
from aggregator.decide.compare import blind_by_comparison, watched_checks
from aggregator.decide.transitions import ConfirmationWanted, Transition
from aggregator.events import Events
from aggregator.metrics import UNKNOWN_RESULTS
from aggregator.persist.batch import Batch, Poisoned, RegionEvent, Seen
from aggregator.persist.writer import Writer
from aggregator.policies import PolicyStore
from aggregator.refusals import Refusals, refuse_impossible_times
from aggregator.regions import Lookout, differences
from aggregator.results import BadBatch, Results, decode
from aggregator.shards import Shard
from quivive.bus import Delivery, Reader
from quivive.domain.checks import HEARTBEAT_REGION

log = structlog.get_logger(__name__)

MOST_RESULTS = 50_000
"""In one transaction."""
SNAPSHOT_S = 10.0
LET_PASS_S = 0.5
"""Time passes for shards without messages no oftener than this."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the consumer works with."""

    reader: Reader
    writer: Writer
    policies: PolicyStore
    lookout: Lookout
    completeness: Completeness
    confirmations: Confirmations
    events: Events
    on_commit: Callable[[], None]
    """Called after each commit that may have something to tell."""


class Consumer:
    """Owns `shards` (by number). `blind` are the regions that were blind when the last owner committed."""

    def __init__(self, around: Surroundings, shards: Mapping[int, Shard], blind: frozenset[str]) -> None:
        self._around = around
        self._shards = shards
        self._blind = blind
        self._declared = around.policies.declared
        self._refusals = Refusals()
        self._sequence = 0
        self._bus_us = 0
        self._touched: set[int] = set()
        self._saved_at = self._passed_at = time.monotonic()

    @property
    def caught_up(self) -> bool:
        """Every shard decides on what is new."""
        return not any(shard.replaying for shard in self._shards.values())

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until `stopping`, then save every shard. Raises Fenced."""
        stop = asyncio.ensure_future(stopping.wait())
        try:
            while not stopping.is_set():
                reading = asyncio.ensure_future(self._around.reader.read())
                await asyncio.wait({reading, stop}, return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    reading.cancel()
                    break
                await self._step(reading.result())
            last = Batch()
            self._take_changes(last, idle=False)
            await self._commit(last, save=True)
        finally:
            stop.cancel()

    async def _step(self, deliveries: list[Delivery]) -> None:
        idle = not deliveries and self._around.reader.caught_up
        if idle:
            self._bus_us = max(self._bus_us, time.time_ns() // 1000)
        batch = Batch()
        self._take_changes(batch, idle=idle)
        for delivery in deliveries:
            await self._take(delivery, batch)
            if batch.results > MOST_RESULTS:
                await self._commit(batch)
                batch = Batch()
        if time.monotonic() - self._passed_at >= LET_PASS_S:
            self._passed_at = time.monotonic()
            for shard in self._deciding():
                await self._add(batch, shard, shard.let_pass(self._bus_us))
            self._compare_regions()
        await self._commit(batch)

    def _compare_regions(self) -> None:
        """Doubt a region that finds many sites down which every other one finds up; `_take_changes` acts on it."""
        lookout = self._around.lookout
        lone: Counter[str] = Counter()
        for shard in self._deciding():
            lone += shard.lone_failures(self._blind - lookout.doubted)
        if not lone and not lookout.doubted:
            return
        watched = watched_checks(p for n in self._shards for p in self._declared.shards[n].current.values())
        doubted = blind_by_comparison(lookout.doubted, lone, watched)
        lookout.doubt(
            {r: f"finds {lone[r]} of {watched[r]} sites down that every other region finds up" for r in doubted}
        )

    def _deciding(self) -> Iterable[Shard]:
        return (shard for shard in self._shards.values() if not shard.replaying)

    def _take_changes(self, batch: Batch, *, idle: bool) -> None:
        """Bring the shards in line with what is declared and who can see, unless they are still behind their position."""
        if self._bus_us == 0:  # nobody has told the time yet
            return
        self._declared = self._around.policies.declared
        self._around.lookout.declare(self._declared.regions.keys() - {HEARTBEAT_REGION})
        newly, sighted = differences(self._around.lookout.blindness(), self._blind)
        now_us = self._bus_us
        for region, reason in newly.items():
            log.warning("region.blinded", region=region, reason=reason)
            batch.region_events.append(RegionEvent(region, "blind", now_us, reason))
        for region in sighted:
            log.info("region.sighted", region=region)
            batch.region_events.append(RegionEvent(region, "sighted", now_us, ""))
        self._blind = ((self._blind | newly.keys()) - sighted) & self._declared.regions.keys()
        for shard in self._shards.values():
            if idle or not shard.replaying or shard.position <= self._sequence:
                batch.transitions += self._adopt(shard, now_us)

    def _adopt(self, shard: Shard, now_us: int) -> list[Transition]:
        return shard.adopt(self._declared.shards[shard.number], self._blind, now_us)

    async def _take(self, delivery: Delivery, batch: Batch) -> None:
        if delivery.sequence <= self._sequence:
            log.error("stream.restarted", sequence=delivery.sequence, behind=self._sequence)
            for shard in self._shards.values():
                shard.rewind()
        self._sequence = delivery.sequence
        self._bus_us = max(self._bus_us, delivery.time_us)
        number, _, region = delivery.subject.removeprefix("quivive.results.").partition(".")
        owned = self._shards.get(int(number)) if number.isdecimal() else None
        if owned is None:
            batch.poisoned.append(_poisoned(delivery, f"there is no shard {number}"))
            return
        if delivery.sequence <= owned.snapshot_position:
            return
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
        """Record the batch, and from time to time where every shard stands, so that a new owner need not read far."""
        save = save or time.monotonic() - self._saved_at >= SNAPSHOT_S
        if save:
            self._saved_at = time.monotonic()
        for shard in self._deciding():
            moved = shard.dirty or shard.snapshot_position < self._sequence
            if shard.must_save or (save and moved) or shard.number in self._touched:
                batch.marks.append(
                    shard.mark(max(self._sequence, shard.position), save=shard.must_save or (save and moved))
                )
        self._touched.clear()
        batch.notices += self._around.completeness.follow(batch.transitions, self._declared.is_critical, self._bus_us)
        if not batch:
            return
        await self._around.writer.commit(batch)
        self._around.events.tell(batch.transitions, self._declared.latest.get)
        self._around.on_commit()


def _poisoned(delivery: Delivery, reason: str) -> Poisoned:
    return Poisoned(delivery.sequence, delivery.subject, delivery.time_us, reason, delivery.data)
