"""Wires the aggregator together and runs it until it is told to stop, or must."""

import asyncio
import signal
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from datetime import time as clock_time
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr

from aggregator import database, upkeep
from aggregator.confirmations import Confirmations
from aggregator.consume import Consumer, Surroundings
from aggregator.drift import learner
from aggregator.events import Events
from aggregator.heartbeat import Heartbeat
from aggregator.holdings import Holdings
from aggregator.leases import Fenced, Leases, WrongShards, new_name, session_name
from aggregator.membership import Membership
from aggregator.notify import channels
from aggregator.notify.deadman import DeadMan, Path
from aggregator.notify.registries import Registries
from aggregator.notify.sender import Sender
from aggregator.notify.warnings import Warnings
from aggregator.persist.writer import Writer
from aggregator.policies import PolicyStore
from aggregator.regions import Lookout, Presence
from aggregator.seal.sealer import Sealer
from aggregator.settings import AggregatorSettings
from aggregator.watch import Watch, blind_regions
from quivive import bus, health
from quivive.settings import EXIT_USAGE

log = structlog.get_logger(__name__)

STOP_WITHIN_S = 3.5
"""For the last commit."""
LEAVE_WITHIN_S = 0.5


class NotMigrated(Exception):
    """The database lacks our schema."""


async def run(settings: AggregatorSettings) -> int:
    """Run until SIGTERM or SIGINT; the exit code. 1: somebody else took over, or a fault; 2: something the user must change."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    stop = asyncio.ensure_future(stopping.wait())
    async with AsyncExitStack() as stack:
        starting = asyncio.ensure_future(_start(settings, stack))
        await asyncio.wait({starting, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.wait({starting})
            return 0
        try:
            parts = starting.result()
        except (WrongShards, NotMigrated, database.Pooled, OSError) as error:
            log.error("aggregator.refused", reason=str(error))
            return EXIT_USAGE
        log.info("aggregator.started", shards=settings.shards)
        return await _work(parts, stopping)


@dataclass(slots=True)
class Parts:
    """What runs once everything is there."""

    consumer: Consumer
    sender: Sender
    background: list[Coroutine[Any, Any, None]]


async def _start(settings: AggregatorSettings, stack: AsyncExitStack) -> Parts:
    """Take what is needed, in the order of need; `stack` gives it back. Waits for a database or a broker that is away."""
    url = settings.database_url.get_secret_value()
    readiness = Readiness()
    server = await health.serve(settings.bind, settings.health_port, readiness.not_ready)
    stack.push_async_callback(server.close)
    nc = readiness.nc = await bus.connect(settings.nats_url, name="aggregator")
    stack.push_async_callback(nc.close)
    await _ensure_streams(nc)
    name = new_name()
    pool = database.pool(url, session_name(name))
    await pool.open(wait=False)
    stack.push_async_callback(pool.close)

    policies = PolicyStore(pool, settings.shards)
    leases = Leases(url, name, settings.shards)
    stack.push_async_callback(_leave, leases)
    await _join(leases)
    await _load(policies)
    writer = readiness.writer = Writer(url, leases.name)
    stack.push_async_callback(writer.close)
    path = Path()
    sender = Sender(pool, await stack.enter_async_context(channels.open_all(settings)), path.swept)
    membership = Membership(leases, settings.shards, lambda: consumer.report, lambda: blind_regions(pool))
    holdings = Holdings(nc, pool, membership, settings.shards)
    stack.push_async_callback(holdings.close)
    lookout, events = Lookout(), Events(nc.jetstream())

    def on_commit() -> None:
        path.committed()
        sender.wake()

    around = Surroundings(
        holdings=holdings,
        writer=writer,
        policies=policies,
        watch=Watch(pool, lookout, membership, settings.shards),
        confirmations=Confirmations(nc),
        events=events,
        on_commit=on_commit,
    )
    consumer = Consumer(around)
    readiness.consumer, readiness.membership = consumer, membership
    presence = Presence(nc, lookout)
    heartbeat = Heartbeat(nc, lambda: not writer.retrying)
    background = [
        membership.follow(),
        policies.follow(),
        presence.follow(),
        events.publish(),
        heartbeat.run(),
        upkeep.keep(pool),
        Sealer(pool).run(),
        _keep_streams(nc),
        learner.follow(pool, _now_us),
        DeadMan(_words(settings.deadman_urls), path, lambda: _watches(policies)).run(),
        _warnings(settings, pool).run(),
    ]
    return Parts(consumer, sender, background)


async def _work(parts: Parts, stopping: asyncio.Event) -> int:
    """Run the parts; when one ends before it should, everything does."""
    main = [asyncio.ensure_future(parts.consumer.run(stopping)), asyncio.ensure_future(parts.sender.run(stopping))]
    background = [asyncio.ensure_future(part) for part in parts.background]
    # Told to stop, none of them may be able to end: each may be waiting for the database.
    told = asyncio.ensure_future(stopping.wait())
    done, _ = await asyncio.wait({*main, *background, told}, return_when=asyncio.FIRST_COMPLETED)
    done.discard(told)
    stopping.set()
    _, late = await asyncio.wait(main, timeout=STOP_WITHIN_S)
    if late:
        log.warning("aggregator.cut_short", reason="the database did not take the last commit in time")
    await _end(late.union(background))
    for task in done | set(main):
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, Fenced):
                log.error("aggregator.fenced", reason=str(error))
            else:
                log.error("aggregator.failed", exc_info=error)
            return 1
    log.info("aggregator.stopped")
    return 0


async def _end(tasks: set[asyncio.Future[None]]) -> None:
    """Cancel until it has worked: a `wait_for` of Python 3.11 swallows a cancellation that meets its result."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=0.1)


async def _join(leases: Leases) -> None:
    """Be one of the aggregators. Raises WrongShards and NotMigrated."""
    async for attempt in database.patiently():
        with attempt:
            try:
                await leases.join()
            except psycopg.errors.UndefinedTable:
                raise NotMigrated("the database has no schema yet: run `python -m aggregator migrate`") from None
    log.info("aggregator.joined", name=leases.name)


async def _leave(leases: Leases) -> None:
    """Without a database the lease runs out by itself."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LEAVE_WITHIN_S):
            await leases.leave()


async def _load(policies: PolicyStore) -> None:
    async for attempt in database.patiently():
        with attempt:
            await policies.refresh()


async def _ensure_streams(nc: Client) -> None:
    """A broker that has just come up may not answer yet."""
    while True:
        try:
            return await bus.ensure_streams(nc.jetstream())
        except (NatsError, TimeoutError) as error:
            log.warning("streams.not_ensured", error=str(error) or type(error).__name__)
            await asyncio.sleep(0.25)


async def _keep_streams(nc: Client) -> None:
    """A broker that comes back may be another one, or have lost its disk."""
    reconnects = nc.stats["reconnects"]
    while True:
        await asyncio.sleep(0.25)
        if nc.stats["reconnects"] != reconnects:
            reconnects = nc.stats["reconnects"]
            await _ensure_streams(nc)


def _words(secret: SecretStr | None) -> list[str]:
    return [] if secret is None else secret.get_secret_value().split()


def _watches(policies: PolicyStore) -> bool:
    return any(shard.current for shard in policies.declared.shards.values())


def _warnings(settings: AggregatorSettings, pool: AsyncConnectionPool) -> Warnings:
    return Warnings(
        pool,
        Registries(settings.rdap_url),
        lambda: datetime.now(UTC),
        ZoneInfo(settings.operator_timezone),
        clock_time.fromisoformat(settings.digest_time),
        clock_time.fromisoformat(settings.drill_time),
    )


def _now_us() -> int:
    return time.time_ns() // 1000


class Readiness:
    """Why the aggregator is not ready, if it is not. Parts are filled in as they come."""

    def __init__(self) -> None:
        self.nc: Client | None = None
        self.writer: Writer | None = None
        self.membership: Membership | None = None
        self.consumer: Consumer | None = None

    def not_ready(self) -> str | None:
        if self.nc is None or not self.nc.is_connected:
            return "not connected to the broker"
        if self.writer is None or self.consumer is None:
            return "waiting for the database"
        if self.writer.retrying:
            return "the database does not take our results"
        if self.membership is None or not self.membership.settled:
            return "waiting for a share of the shards"
        if not self.consumer.caught_up:
            return "catching up with the results stream"
        return None
