"""The shards that we hold, and the reader that brings their messages; it is opened anew whenever they change.

It starts where the shard that is furthest behind stands. What the others have taken already comes again, and is passed over.
"""

import asyncio
from collections.abc import Collection
from datetime import datetime

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from psycopg_pool import AsyncConnectionPool

from aggregator import completeness, database
from aggregator.completeness import Known
from aggregator.leases import Lease
from aggregator.membership import Membership
from aggregator.shards import Shard
from aggregator.watch import DUTY_SHARD
from quivive import subjects
from quivive.bus import Delivery, Reader
from quivive.domain.checks import shard_of

log = structlog.get_logger(__name__)

EVERYTHING = "quivive.results.*.*"
RETRY_S = 0.25


class Holdings:
    """Of a deployment's `total` shards."""

    def __init__(self, nc: Client, pool: AsyncConnectionPool, membership: Membership, total: int) -> None:
        self._nc = nc
        self._pool = pool
        self._membership = membership
        self._total = total
        self._reader: Reader | None = None
        self.shards: dict[int, Shard] = {}
        self.known = Known()
        self.sequence = 0
        """How far we have read."""
        self._stream_time: datetime | None = None

    @property
    def stream_time(self) -> datetime | None:
        """When the stream was made that we read."""
        return self._stream_time if self._reader is None else self._reader.stream_time

    @property
    def caught_up(self) -> bool:
        return self._reader is not None and self._reader.caught_up

    async def read(self) -> list[Delivery]:
        """What has arrived; waits for shards, as long as we have none."""
        if self._reader is None:
            await self._membership.changed()
            return []
        return await self._reader.read()

    def note(self, sequence: int) -> None:
        """A message is being taken. Sequences that go back are those of a stream that began anew."""
        if sequence <= self.sequence:
            log.error("stream.restarted", sequence=sequence, behind=self.sequence)
            for shard in self.shards.values():
                shard.rewind()
        self.sequence = sequence

    def is_shard(self, number: str) -> bool:
        """Whether there is such a shard, ours or not."""
        return number.isdecimal() and int(number) < self._total

    def surplus(self) -> frozenset[int]:
        """Those of our shards that others should have; one that is still behind its own position stays until it is not."""
        ready = sorted(number for number, shard in self.shards.items() if not shard.replaying)
        return frozenset(ready[len(ready) - min(len(ready), self._membership.surplus) :])

    async def release(self, shards: Collection[int]) -> None:
        """They have been saved: let go of them."""
        for number in shards:
            del self.shards[number]
        self.known.forget(lambda check: shard_of(check, self._total) in shards)
        await self._membership.release(shards)
        self._bring_to_cursor()
        await self._open()

    async def take_gained(self) -> bool:
        """Load the shards that have come to us; whether there were any."""
        leases = self._membership.gained()
        if not leases:
            return False
        gained = {lease.shard: Shard(lease) for lease in leases}
        await self._rewind_if_new(leases, gained)
        self.known.learn(await self._load_known(), lambda check: shard_of(check, self._total) in gained)
        self._bring_to_cursor()
        self.shards.update(gained)
        await self._open()
        return True

    def _bring_to_cursor(self) -> None:
        """Whatever has been read up to here was none of theirs, or is in their states."""
        for shard in self.shards.values():
            shard.taken = max(shard.taken, self.sequence)

    async def _load_known(self) -> Known:
        async for attempt in database.patiently():
            with attempt:
                async with self._pool.connection() as connection:
                    return await completeness.load_known(connection)
        raise AssertionError("it is tried for ever")

    async def _rewind_if_new(self, leases: Collection[Lease], gained: dict[int, Shard]) -> None:
        """Positions beyond the stream's end, or from before it was made, are those of a stream that is gone."""
        last, self._stream_time = await self._stream()
        if any(lease.position > last or lease.stream_time not in (None, self._stream_time) for lease in leases):
            log.error("stream.restarted", last=last)
            for shard in gained.values():
                shard.rewind()

    async def _stream(self) -> tuple[int, datetime | None]:
        """Its last sequence, and when it was made."""
        while True:
            try:
                info = await self._nc.jetstream().stream_info(subjects.RESULTS_STREAM)
                return info.state.last_seq, info.created
            except (NatsError, TimeoutError) as error:
                log.warning("stream.not_found", error=str(error) or type(error).__name__)
                await asyncio.sleep(RETRY_S)

    async def _open(self) -> None:
        await self.close()
        if not self.shards:
            return
        after = min(shard.taken for shard in self.shards.values())
        # Whoever is on duty also sees what belongs to no shard.
        wanted = [EVERYTHING] if DUTY_SHARD in self.shards else [f"quivive.results.{n}.*" for n in sorted(self.shards)]
        self._reader = Reader(self._nc, subjects.RESULTS_STREAM, wanted, after=after, stream_time=self._stream_time)
        self.sequence = after

    async def close(self) -> None:
        """Stop reading."""
        reader, self._reader = self._reader, None
        if reader is not None:
            self._stream_time = reader.stream_time
            await reader.close()
