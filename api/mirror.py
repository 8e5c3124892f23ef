"""Keeps the bucket `quivive_checks` as the database wants it: what agents watch is what is declared, whatever happened between.

Every round, at once after an apply, soon after somebody else wrote to the bucket, and every few seconds anyway:

1. Create what is missing on the bus; if the bucket is another one than last time, read it anew.
2. Read the desired checks from the database.
3. Put the keys that differ, delete those that are not desired, each only if it is still at the revision we know. Another api
   that does the same is harmless: one of the two writes is refused, and the next round finds nothing to do.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import APIError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from api.database import Database
from api.errors import ApiError
from quivive import sql
from quivive.bus import Mirror, ensure_streams
from quivive.domain.checks import slice_of
from quivive.subjects import CHECKS_BUCKET, check_key

log = structlog.get_logger(__name__)

SQL = sql.load("api.sql", "mirror.sql")

PERIOD_S = 5.0
RETRY_S = 1.0
FOREIGN_S = 0.5
"""How soon another's write is looked at: not at once, lest two that disagree spin."""
CATCH_UP_S = 5.0
AT_ONCE = 100
"""Writes on their way at the same time."""
WRONG_LAST_SEQUENCE = (10071, 10164)
"""The broker's error codes for a key that has moved on."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's value on the bus, None when it was deleted, and its revision."""

    value: bytes | None
    revision: int


@dataclass(frozen=True, slots=True)
class Write:
    """What to do about a key that is at `revision`, 0 for one that never was; None deletes it."""

    key: str
    value: bytes | None
    revision: int


def writes(desired: Mapping[str, bytes], present: Mapping[str, Entry]) -> Iterator[Write]:
    """What it takes to make `present` like `desired`."""
    for key, value in desired.items():
        entry = present.get(key)
        if entry is None or entry.value != value:
            yield Write(key, value, entry.revision if entry else 0)
    for key, entry in present.items():
        if key not in desired and entry.value is not None:
            yield Write(key, None, entry.revision)


@dataclass(frozen=True, slots=True)
class _Desired:
    check_id: int
    spec: bytes


class CheckMirror:
    """`run` until cancelled; `wake` asks for a round now."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wanted = asyncio.Event()
        self.bus_prepared = asyncio.Event()
        """Streams and buckets are there."""
        self._caught_up = asyncio.Event()
        self._present: dict[str, Entry] = {}
        self._created: datetime | None = None
        self._follower: asyncio.Task[None] | None = None

    def wake(self) -> None:
        self._wanted.set()

    async def run(self, nc: Client) -> None:
        try:
            while True:
                # Cleared before the database is read: an apply that commits later asks for another round.
                self._wanted.clear()
                pause = PERIOD_S if await self._round(nc) else RETRY_S
                try:
                    await asyncio.wait_for(self._wanted.wait(), pause)
                except TimeoutError:
                    continue
        finally:
            if self._follower is not None:
                self._follower.cancel()

    async def _round(self, nc: Client) -> bool:
        """False when there is still something to do."""
        js = nc.jetstream()
        try:
            await ensure_streams(js)
            self.bus_prepared.set()
            created = (await js.stream_info(f"KV_{CHECKS_BUCKET}")).created
            if created != self._created:
                self._follow_anew(nc)
                self._created = created
            await asyncio.wait_for(self._caught_up.wait(), CATCH_UP_S)
            rows = await self._database.fetch(_Desired, SQL["desired"])
            desired = {check_key(slice_of(row.check_id), row.check_id): row.spec for row in rows}
            todo = list(writes(desired, self._present))
            return await self._write(js, todo)
        except (NatsError, ApiError, TimeoutError) as error:
            log.warning("mirror.failed", error=str(error) or type(error).__name__)
            return False

    async def _write(self, js: JetStreamContext, todo: list[Write]) -> bool:
        if not todo:
            return True
        bucket = await js.key_value(CHECKS_BUCKET)
        done = 0
        for start in range(0, len(todo), AT_ONCE):
            done += sum(await asyncio.gather(*(self._put(bucket, write) for write in todo[start : start + AT_ONCE])))
        log.info("checks.mirrored", written=done, refused=len(todo) - done)
        return done == len(todo)

    async def _put(self, bucket: KeyValue, write: Write) -> bool:
        """False when the key has moved on since we looked."""
        try:
            if write.value is None:
                await bucket.delete(write.key, last=write.revision)
            else:
                revision = await bucket.update(write.key, write.value, last=write.revision)
                self._take(write.key, Entry(write.value, revision))
        except KeyWrongLastSequenceError:
            return False
        except APIError as error:  # what `delete` lets through
            if error.err_code in WRONG_LAST_SEQUENCE:
                return False
            raise
        return True

    def _follow_anew(self, nc: Client) -> None:
        if self._follower is not None:
            self._follower.cancel()
        self._present, self._caught_up = {}, asyncio.Event()
        self._follower = asyncio.create_task(self._follow(nc), name="follow-checks")

    async def _follow(self, nc: Client) -> None:
        mirror = Mirror(nc, CHECKS_BUCKET)
        try:
            while True:
                for change in await mirror.changes():
                    entry = Entry(change.value, change.revision)
                    if self._present.get(change.key) != entry and self._caught_up.is_set():
                        asyncio.get_running_loop().call_later(FOREIGN_S, self.wake)
                    self._take(change.key, entry)
                if mirror.caught_up:
                    self._caught_up.set()
                else:
                    self._caught_up.clear()
        finally:
            await mirror.close()

    def _take(self, key: str, entry: Entry) -> None:
        """Our own writes are known before the bus reports them, which must not bring an older value back."""
        known = self._present.get(key)
        if known is None or entry.revision >= known.revision:
            self._present[key] = entry
