"""Reads changes once for all watchers of this process, a few times a second, while there are any.

1. A watcher joins: from now on it gets every batch. What it has not seen from before, it reads itself.
2. Each round reads what the last round's snapshot did not see, and hands the same batch to everybody.
3. A watcher that does not take its batches is cut: nobody's slowness fills our memory.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from api.database import Database
from api.errors import ApiError, OutOfRange, ResourceExhausted, Unavailable
from api.streams.snapshots import Place, Snapshot, later
from quivive import sql

log = structlog.get_logger(__name__)

SQL = sql.load("api.sql", "streams.sql")

POLL_S = 0.25
RETRY_S = 1.0
PRUNE_S = 3600.0
MOST_BATCHES = 100
"""That wait for a watcher; with changes all the time, that is half a minute."""
MOST_WAITING = 50_000
"""Changes that wait for a watcher."""
PIECE = 1000
"""Changes that are read at once."""
QUIET_S = 15.0
"""After so long without a change, watchers are told that we are still there."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a site or in an incident."""

    change_id: int
    xid: int
    topic: str
    key: str
    kind: str
    time: datetime
    site_id: str
    check_name: str | None
    customer_id: str | None
    incident_id: str | None
    state: int | None
    detail: str
    snapshot: str


@dataclass(frozen=True, slots=True)
class _Now:
    snapshot: str
    dropped: int


@dataclass(slots=True, eq=False)
class Batch:
    """Changes in their order, and the snapshot that has seen them all. `told` is what watchers made of it, for each other."""

    changes: Sequence[Change]
    until: Snapshot
    told: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """A batch, empty for a while in which nothing happened; what had been seen before it; and where it leads."""

    batch: Batch
    seen: Snapshot
    after: Place

    def place_at(self, change: Change) -> Place:
        """The place right after one of the batch's changes."""
        if change is self.batch.changes[-1]:
            return self.after
        return Place(self.seen, self.batch.until, change.change_id)


class Watcher:
    """One stream's place in the feed."""

    def __init__(self) -> None:
        self._waiting: deque[Batch] = deque()
        self._size = 0
        self._arrived = asyncio.Event()
        self._end: ApiError | None = None

    def offer(self, batch: Batch) -> None:
        """Take a batch; the watcher that has too many already is cut."""
        if self._end is not None:
            return
        self._waiting.append(batch)
        self._size += len(batch.changes)
        if len(self._waiting) > MOST_BATCHES or self._size > MOST_WAITING:
            self.end(
                ResourceExhausted(
                    "TOO_SLOW_A_READER",
                    "changes came faster than they were read: resume with the last token",
                    retry_s=1.0,
                )
            )
        self._arrived.set()

    def end(self, why: ApiError) -> None:
        """No more batches, and those that wait are gone."""
        self._waiting.clear()
        self._end = why
        self._arrived.set()

    async def next(self, within_s: float) -> Batch | None:
        """The next batch; None when there was none for so long. Raises what ended it."""
        if not self._waiting and self._end is None:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), within_s)
            except TimeoutError:
                return None
        if self._end is not None:
            raise self._end
        batch = self._waiting.popleft()
        self._size -= len(batch.changes)
        return batch


class Feed:
    """`run` until cancelled; `close` sends the watchers away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: set[Watcher] = set()
        self._wanted = asyncio.Event()
        self._at: Snapshot | None = None
        self._joining = asyncio.Lock()
        self._closed = False

    async def run(self) -> None:
        pruning = asyncio.create_task(self._prune(), name="prune-changes")
        try:
            while True:
                await self._wanted.wait()
                if not self._watchers:
                    self._at = None
                    self._wanted.clear()
                    continue
                try:
                    await self._round()
                    await asyncio.sleep(POLL_S)
                except ApiError as error:
                    log.warning("feed.failed", error=error.message)
                    await asyncio.sleep(RETRY_S)
        finally:
            pruning.cancel()

    def close(self) -> None:
        """End every stream: the server leaves."""
        self._closed = True
        for watcher in list(self._watchers):
            watcher.end(Unavailable("SERVER_STOPS", "the server stops: resume with the last token", retry_s=1.0))

    @contextmanager
    def _watching(self) -> Iterator[Watcher]:
        watcher = Watcher()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                self._wanted.set()

    async def watch(self, place: Place | None) -> AsyncIterator[Step]:
        """Batches from `place` on, and now and then a step without one. From now on without a place.

        OutOfRange when the place is too long ago, ResourceExhausted for who takes the batches too slowly.
        """
        if self._closed:
            raise Unavailable("SERVER_STOPS", "the server stops", retry_s=1.0)
        with self._watching() as watcher:
            joined = await self._joined()
            if place is None:
                place = Place(joined)
            else:
                await self._require_kept(place)
            # A place within a batch: first the rest of that one, then what came between it and our joining.
            for until in (place.until, joined):
                if until is None or later(until, place.seen) == place.seen:
                    continue
                async for step in self._read_up(place, until):
                    yield step
                place = Place(until)
            seen = place.seen
            # So that whoever listens has a place from the start.
            yield Step(Batch((), seen), seen, Place(seen))
            while True:
                batch = await watcher.next(QUIET_S)
                if batch is None:
                    yield Step(Batch((), seen), seen, Place(seen))
                    continue
                if later(batch.until, seen) == seen:
                    continue
                if any(seen.sees(change.xid) for change in batch.changes):
                    batch = Batch([change for change in batch.changes if not seen.sees(change.xid)], batch.until)
                yield Step(batch, seen, Place(batch.until))
                seen = batch.until

    async def _read_up(self, place: Place, until: Snapshot) -> AsyncIterator[Step]:
        last = place.last
        while True:
            changes = await self._since(place.seen, until, last)
            if changes:
                last = changes[-1].change_id
                yield Step(Batch(changes, until), place.seen, Place(place.seen, until, last))
            if len(changes) < PIECE:
                return

    async def _joined(self) -> Snapshot:
        """Where the batches that a watcher gets begin."""
        async with self._joining:
            if self._at is None:
                self._at = await self.now()
                self._wanted.set()
            return self._at

    async def now(self) -> Snapshot:
        """What is seen now."""
        (row,) = await self._database.fetch(_Now, SQL["now"])
        return Snapshot.parse(row.snapshot)

    async def _require_kept(self, place: Place) -> None:
        (row,) = await self._database.fetch(_Now, SQL["now"])
        now = Snapshot.parse(row.snapshot)
        ends = [snapshot for snapshot in (place.seen, place.until) if snapshot is not None]
        if any(snapshot.xmax > now.xmax or not snapshot.sees(row.dropped) for snapshot in ends):
            raise OutOfRange("RESUME_TOKEN_TOO_OLD", "what happened since then is kept no more: begin anew")

    async def _round(self) -> None:
        at = self._at
        if at is None:
            return
        changes = await self._since(at, None, 0)
        if len(changes) >= PIECE:
            # Many at once: up to one snapshot, piece by piece, so that the order of pieces is the order of writing.
            until = Snapshot.parse(changes[0].snapshot)
            while True:
                more = await self._since(at, until, changes[-1].change_id)
                changes += more
                if len(more) < PIECE:
                    break
        if not changes:
            return
        until = Snapshot.parse(changes[0].snapshot)
        changes = [change for change in changes if until.sees(change.xid)]
        self._at = until
        batch = Batch(changes, until)
        for watcher in list(self._watchers):
            watcher.offer(batch)

    async def _since(self, seen: Snapshot, until: Snapshot | None, last: int) -> list[Change]:
        return await self._database.fetch(
            Change,
            SQL["since"],
            seen=str(seen),
            until=None if until is None else str(until),
            last=last,
            limit=PIECE,
        )

    async def _prune(self) -> None:
        while True:
            try:
                for section in ("forget_restored", "lift_restored", "prune", "prune_creations"):
                    await self._database.execute(SQL[section])
                await asyncio.sleep(PRUNE_S)
            except ApiError as error:
                log.debug("feed.prune_failed", error=error.message)
                await asyncio.sleep(RETRY_S * 10)
