"""Commits micro-batches, each in one transaction, through every outage of the database."""

import psycopg
import structlog

from aggregator import database
from aggregator.decide.transitions import PastFilled, StateChanged
from aggregator.leases import SQL, Fenced
from aggregator.metrics import COMMIT_SECONDS, POISON, RESULTS, TRANSITIONS
from aggregator.persist import (
    certificates,
    decisions,
    grouping,
    hours,
    incidents,
    intervals,
    judgements,
    operations,
    pages,
    paging,
    seen,
)
from aggregator.persist.batch import Batch
from aggregator.persist.partitions import Partitions

log = structlog.get_logger(__name__)


class Writer:
    """The one connection that records what was consumed and decided, for the aggregator of that name."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._connection: psycopg.AsyncConnection | None = None
        self._partitions = Partitions()
        self._results = seen.ResultStore()
        self.retrying = False
        """The database has failed us, and the batch at hand is waiting for it."""

    async def commit(self, batch: Batch) -> None:
        """Record the batch; returns once it is committed. Raises Fenced, and what is not an outage of the database.

        While the database is away the same transaction is tried again for ever. That is harmless after a commit that went
        unanswered: every statement leaves alone what is there.
        """
        async for attempt in database.patiently():
            with attempt:
                self.retrying = attempt.num > 1
                with COMMIT_SECONDS.time():
                    await self._transact(await self._connect(), batch)
        self.retrying = False
        RESULTS.inc(batch.results)
        POISON.inc(len(batch.poisoned))
        for transition in batch.transitions:
            TRANSITIONS.labels(type(transition).__name__).inc()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _connect(self) -> psycopg.AsyncConnection:
        """The connection, made anew when it broke; whoever takes over finds it in our lease. Raises Fenced without one."""
        if self._connection is not None and self._connection.broken:
            await self.close()
        if self._connection is None:
            connection = await database.connect(self._url, database.WRITER_NAME)
            try:
                await seen.prepare(connection)
                if (await connection.execute(SQL["aggregator_sign"], {"owner": self._name})).rowcount != 1:
                    raise Fenced("another aggregator found our lease run out")
            except BaseException:
                await connection.close()
                raise
            self._connection = connection
        return self._connection

    async def _transact(self, connection: psycopg.AsyncConnection, batch: Batch) -> None:
        """One micro-batch, one transaction; results that nobody may write any more are rolled back with it.

        1. Rows of what was seen.
        2. Incidents with their causes and groups, their pages, votes, then the intervals that name them.
        3. Notices.
        4. The shards' marks, or Fenced.
        """
        await self._partitions.ensure(connection, batch.seen)
        async with connection.transaction():
            await self._results.store(connection, batch.seen)
            await certificates.store(connection, batch.seen)
            await pages.store(connection, batch.seen)
            await hours.mark_stale(connection, batch.seen)
            await seen.set_aside(connection, batch.poisoned)
            await incidents.record(connection, batch.transitions)
            await grouping.store(connection, await judgements.store(connection, batch.transitions, batch.seen))
            await paging.store(connection, batch.transitions)
            await decisions.store(connection, batch.transitions)
            await intervals.store(connection, [t for t in batch.transitions if isinstance(t, StateChanged)])
            await intervals.fill(connection, [t for t in batch.transitions if isinstance(t, PastFilled)])
            await operations.store_regions(connection, batch.region_events)
            await operations.store_notices(connection, batch.notices)
            await _mark(connection, batch)


async def _mark(connection: psycopg.AsyncConnection, batch: Batch) -> None:
    """Last, so that a displaced owner's transaction fails whole. Raises Fenced."""
    marks = batch.marks
    row = {
        "stream_time": batch.stream_time,
        "shard": [mark.shard for mark in marks],
        "epoch": [mark.epoch for mark in marks],
        "position": [mark.position for mark in marks],
        "snapshot_position": [mark.snapshot_position for mark in marks],
        "snapshot": [mark.snapshot for mark in marks],
    }
    cursor = await connection.execute(SQL["shards_mark"], row)
    if cursor.rowcount != len(marks):
        raise Fenced(f"{len(marks) - cursor.rowcount} of {len(marks)} shards have another owner")
