"""Observes jobs: one api at a time turns their calls, and their silence, into votes on the bus.

Every half second, and more rarely while there is no heartbeat check:

1. Hold the lease, and learn since when calls have been taken without a gap; without it, try again later.
2. Meet new heartbeat checks: store the hash of their token.
3. Publish what jobs said and is not on the bus yet; mark it once the bus has it.
4. Publish DOWN for those that are silent past their deadline, again every interval so that the vote stays fresh.

Whatever is published twice has the same message id and the same identity: it counts once.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from api.database import Database
from api.errors import ApiError
from api.heartbeats.addresses import Addresses, digest
from api.heartbeats.calls import SQL
from api.heartbeats.silence import Heard, Rhythm, deadline, silent_slot
from api.heartbeats.votes import Vote, encode
from quivive import subjects
from quivive.domain.checks import HEARTBEAT_REGION
from quivive.domain.times import to_us
from quivive.domain.words import Cause, Outcome
from quivive.v1 import bus_pb2

log = structlog.get_logger(__name__)

EVERY_S = 0.5
IDLE_S = 2.0
"""Well within the lease."""
LEASE = timedelta(seconds=5)
ACKNOWLEDGED_WITHIN_S = 2.0
RELEASED_WITHIN_S = 1.0
PRUNE_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class _Holding:
    since_time: datetime


@dataclass(frozen=True, slots=True)
class _Now:
    now: datetime


@dataclass(frozen=True, slots=True)
class _Unmet:
    check_id: int
    name: str
    token_hash: bytes | None


@dataclass(frozen=True, slots=True)
class _Said:
    call_id: int
    check_id: int
    revision: int
    time: datetime
    kind: str
    exit_code: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class _Watched:
    check_id: int
    revision: int
    spec: bytes
    create_time: datetime
    watch_time: datetime
    call_time: datetime | None
    start_time: datetime | None
    now: datetime


class Observer:
    """`run` until cancelled."""

    def __init__(self, database: Database, addresses: Addresses, shards: int) -> None:
        self._database = database
        self._addresses = addresses
        self._shards = shards
        self._name = str(uuid4())
        self._serving: datetime | None = None
        self._reached_at = self._pruned_at = -PRUNE_EVERY_S
        self._told: dict[int, datetime] = {}
        """By check the newest silence that the bus has: saying it again would change nothing."""

    async def run(self, nc: Client) -> None:
        try:
            while True:
                pause_s = EVERY_S
                try:
                    pause_s = EVERY_S if await self._round(nc) else IDLE_S
                except (NatsError, ApiError, TimeoutError) as error:
                    log.warning("heartbeats.failed", error=str(error) or type(error).__name__)
                await asyncio.sleep(pause_s)
        finally:
            await self._release()

    async def _round(self, nc: Client) -> bool:
        """Whether there is anything to observe."""
        since = await self._hold()
        if since is None:
            return False
        met = await self._meet()
        if met:
            await self._execute("watch")
            await self._publish_calls(nc)
            await self._publish_silences(nc, since)
        if time.monotonic() - self._pruned_at > PRUNE_EVERY_S:
            self._pruned_at = time.monotonic()
            await self._execute("prune")
        return met

    async def _hold(self) -> datetime | None:
        """Since when calls have been taken without a gap, or None while another api observes."""
        if self._serving is None or time.monotonic() - self._reached_at > LEASE.total_seconds():
            # Nobody could be heard while the database was out of reach.
            (clock,) = await self._database.fetch(_Now, SQL["clock"])
            self._serving = clock.now
        held = await self._database.fetch(_Holding, SQL["hold"], holder=self._name, lease=LEASE, serving=self._serving)
        self._reached_at = time.monotonic()
        if not held:
            self._told.clear()
            return None
        return held[0].since_time

    async def _release(self) -> None:
        """Let the next one begin at once."""
        try:
            async with asyncio.timeout(RELEASED_WITHIN_S):
                await self._execute("release", holder=self._name, lease=LEASE)
        except (ApiError, TimeoutError) as error:
            log.debug("heartbeats.not_released", error=str(error))

    async def _meet(self) -> bool:
        """Whether there are heartbeat checks at all."""
        checks = await self._database.fetch(_Unmet, SQL["unmet"])
        for unmet in checks:
            wanted = digest(self._addresses.token(unmet.name))
            if unmet.token_hash != wanted:
                row = {"check": unmet.check_id, "hash": wanted}
                async with self._database.transaction() as connection:
                    await connection.execute(SQL["forget"], row)
                    await connection.execute(SQL["meet"], row)
        return bool(checks)

    async def _publish_calls(self, nc: Client) -> None:
        said = await self._database.fetch(_Said, SQL["unpublished"])
        if not said:
            return
        await asyncio.gather(*(self._publish(nc, vote) for call in said if (vote := _vote(call)) is not None))
        await self._execute("published", calls=[call.call_id for call in said])

    async def _publish_silences(self, nc: Client, since: datetime) -> None:
        silent = _silent(await self._database.fetch(_Watched, SQL["watched"]), since)
        news = [vote for vote in silent if self._told.get(vote.check) != vote.slot]
        await asyncio.gather(*(self._publish(nc, vote) for vote in news))
        self._told = {vote.check: vote.slot for vote in silent}

    async def _publish(self, nc: Client, vote: Vote) -> None:
        """Until the bus has it. NatsError or TimeoutError when it does not take it."""
        shard, payload = encode(vote, self._shards)
        await nc.jetstream(timeout=ACKNOWLEDGED_WITHIN_S).publish(
            subjects.results(shard, HEARTBEAT_REGION), payload, headers={"Nats-Msg-Id": f"heartbeat-{vote.key}"}
        )

    async def _execute(self, section: str, **parameters: object) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(SQL[section], parameters)


def _vote(call: _Said) -> Vote | None:
    """What a call is worth; that a job started says nothing yet."""
    if call.kind == "start":
        return None
    up = call.kind == "success"
    code = "" if call.exit_code is None else f" with exit code {call.exit_code}"
    detail = "" if up else f"the job failed{code}" + (f": {call.detail}" if call.detail else "")
    return Vote(
        key=f"call-{call.call_id}",
        check=call.check_id,
        revision=call.revision,
        slot=call.time,
        end=call.time,
        outcome=Outcome.UP if up else Outcome.DOWN,
        cause=Cause.UNSPECIFIED if up else Cause.HEARTBEAT_FAILED,
        detail=detail,
    )


def _silent(watched: Sequence[_Watched], since: datetime) -> list[Vote]:
    """The votes of those that are past their deadline."""
    votes = []
    for row in watched:
        spec = bus_pb2.CheckSpec.FromString(row.spec)
        beat = spec.heartbeat
        rhythm = Rhythm(
            interval=spec.interval.ToTimedelta(),
            grace=beat.grace.ToTimedelta(),
            cron=beat.cron,
            timezone=beat.timezone or "UTC",
            dormant=beat.dormant,
        )
        heard = Heard(max(since, row.create_time, row.watch_time), row.call_time, row.start_time)
        due = deadline(rhythm, heard)
        slot = silent_slot(rhythm, due, row.now) if due is not None else None
        if due is None or slot is None:
            continue
        last = f"last call {row.call_time:%Y-%m-%d %H:%M:%S} UTC" if row.call_time else "it has never called"
        votes.append(
            Vote(
                key=f"silence-{row.check_id}-{row.revision}-{to_us(slot)}",
                check=row.check_id,
                revision=row.revision,
                slot=slot,
                end=row.now,
                outcome=Outcome.DOWN,
                cause=Cause.HEARTBEAT_SILENT,
                detail=f"no call by {due:%Y-%m-%d %H:%M:%S} UTC; {last}",
            )
        )
    return votes
