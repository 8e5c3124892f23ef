"""Measure one aggregator on one core: from a preloaded stream to committed rows. Prints a table, then one JSON object.

1. The floor: the same rows, already laid out, through the staged COPY alone; beside it, straight into the table.
2. The drain: an aggregator on a core of its own takes a preloaded stream; committed results per second.
3. The delay: results come live at half of the rate that is asked for; from their publication to their commit.

The database is a real TimescaleDB: the one that QUIVIVE_TEST_DATABASE_URL names, else that of `make timescaledb`.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import psycopg
import uvloop
from nats.aio.client import Client
from numpy.typing import NDArray
from psycopg import conninfo, sql
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from declaring import REGIONS, rows  # noqa: E402  the tests' own servers and declarations, which are no package
from publishing import AggregatorProcess, Publisher, now_us  # noqa: E402
from servers import NatsServer, RunningServer, TimescaleServer, Unavailable, server_version  # noqa: E402

from aggregator import database  # noqa: E402
from aggregator.consume import MOST_RESULTS  # noqa: E402
from aggregator.migrate import migrate  # noqa: E402
from aggregator.persist import seen  # noqa: E402
from aggregator.persist.batch import Seen  # noqa: E402
from aggregator.persist.staging import copy_bytes  # noqa: E402
from aggregator.results import decode  # noqa: E402
from quivive import bus  # noqa: E402
from quivive.domain.checks import DEFAULT_SHARDS, shard_of  # noqa: E402
from quivive.v1 import bus_pb2  # noqa: E402

ASKED = 100_000
"""Results per second: a million sites in three regions at 30 s."""
MESSAGE_RESULTS = 1000
"""What agents put into a message under such a load."""
UNSEEN_S = 5.0
"""The beginning of the live phase is not measured."""
WITHIN_S = 300.0


@dataclass(frozen=True, slots=True)
class Lot:
    """Checks of one shard that travel in one message, whose columns never change but for the slot."""

    shard: int
    checks: NDArray[np.uint64]


class Load:
    """Good results of every check from every region, round after round."""

    def __init__(self, sites: int) -> None:
        self.checks = np.random.default_rng(5).permutation(np.arange(1, sites + 1)) * 9_007_199_254_741 % (2**62)
        by_shard: dict[int, list[int]] = {shard: [] for shard in range(DEFAULT_SHARDS)}
        for check in self.checks.tolist():
            by_shard[shard_of(check, DEFAULT_SHARDS)].append(check)
        self._lots = [
            Lot(shard, np.array(checks[at : at + MESSAGE_RESULTS], np.uint64))
            for shard, checks in by_shard.items()
            for at in range(0, len(checks), MESSAGE_RESULTS)
        ]
        self._random = np.random.default_rng(7)
        self._agent = str(uuid4())
        self._number = 0

    def round(self) -> Iterator[tuple[int, str, int, bytes]]:
        """One look of every region at every check, now: shard, region, results, message."""
        for region in REGIONS:
            for lot in self._lots:
                yield lot.shard, region, len(lot.checks), self._message(lot, region)

    def _message(self, lot: Lot, region: str) -> bytes:
        n = len(lot.checks)
        self._number += 1
        phases = self._random.gamma(4.0, [[20], [55], [120], [180], [40]], (5, n)).astype("<u4")
        offsets = -np.arange(n, dtype="<i4")  # a check's place is its own, so that no two of its slots are the same
        return bus_pb2.ResultColumns(
            region=region,
            agent=self._agent,
            number=self._number,
            shard=lot.shard,
            base_time_us=now_us(),
            check=[lot.checks.astype("<u8").tobytes()],
            revision=[np.ones(n, "<u4").tobytes()],
            slot_us=[offsets.tobytes()],
            attempt=[bytes(n)],
            outcome=[b"\x01" * n],
            cause=[bytes(n)],
            end_us=[(offsets + (phases.sum(axis=0) * 100).astype("<i4") % 900_000).astype("<i4").tobytes()],
            dns=[phases[0].tobytes()],
            connect=[phases[1].tobytes()],
            tls=[phases[2].tobytes()],
            first_byte=[phases[3].tobytes()],
            transfer=[phases[4].tobytes()],
            http_status=[b"\xc8\x01" * n],
        ).SerializeToString()


@contextmanager
def timescale() -> Iterator[str]:
    """A server's URL, as somebody who may create databases. Raises Unavailable."""
    given = os.environ.get("QUIVIVE_TEST_DATABASE_URL")
    if given:
        yield given
        return
    # As a server of this size is set up in earnest, except that it never waits for the disk.
    server = TimescaleServer(shared_buffers="2GB", max_wal_size="16GB", checkpoint_timeout="15min").start()
    try:
        yield server.url
    finally:
        server.remove()


@contextmanager
def fresh_database(admin_url: str, load: Load) -> Iterator[str]:
    """A migrated database of its own with the load's sites declared in it."""
    name = f"quivive_bench_{uuid4().hex[:12]}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    parts = conninfo.conninfo_to_dict(admin_url)
    password = f":{parts['password']}" if "password" in parts else ""
    url = f"postgresql://{parts['user']}{password}@{parts['host']}:{parts['port']}/{name}"
    try:
        migrate(url)
        declare(url, load.checks)
        yield url
    finally:
        rows(admin_url, f"DROP DATABASE {name} WITH (FORCE)")


def declare(url: str, checks: NDArray[np.int64]) -> None:
    """One site per check. Votes stay fresh for minutes, so that none grows old while the stream is being laid down."""
    declared = {"checks": checks.tolist(), "regions": list(REGIONS)}
    with psycopg.connect(url) as connection:
        for statement in (
            "INSERT INTO quivive.customers VALUES ('bench', 'Bench', 'premium', 'en', 'UTC')",
            "INSERT INTO quivive.regions (name, title) SELECT r, r FROM unnest(%(regions)s::text[]) AS r",
            "INSERT INTO quivive.sites"
            " SELECT 'site-' || c, 'bench', 'https://site.example/', '{}' FROM unnest(%(checks)s::bigint[]) AS c",
            "INSERT INTO quivive.checks (check_id, site_id, name, type, critical, revision)"
            " SELECT c, 'site-' || c, 'http', 'http', true, 1 FROM unnest(%(checks)s::bigint[]) AS c",
            "INSERT INTO quivive.check_revisions"
            " (check_id, revision, regions, interval_us, timeout_us, down_attempts, target, spec)"
            " SELECT c, 1, %(regions)s, 300000000, 10000000, 2, 'https://site.example/', ''"
            " FROM unnest(%(checks)s::bigint[]) AS c",
            "UPDATE quivive.configuration SET revision = revision + 1",
        ):
            connection.execute(statement, declared)  # type: ignore[arg-type]
        connection.execute("ANALYZE")


async def floor(url: str, load: Load, seconds: float, *, staged: bool) -> float:
    """Rows per second of the COPY alone, in transactions of the aggregator's size."""
    async with await database.connect(url, "quivive bench") as connection:
        await seen.prepare(connection)
        spent, stored, straight = 0.0, 0, seen.ResultStore()
        for part in _transactions(load):
            data = copy_bytes(part)
            started = time.perf_counter()
            async with connection.transaction():
                if staged:
                    await seen.store_staged(connection, data)
                else:
                    await straight.store_rows(connection, data)
            spent += time.perf_counter() - started
            stored += sum(len(item.results) for item in part)
            if spent >= seconds:
                break
    return stored / spent


def _transactions(load: Load) -> Iterator[list[Seen]]:
    """Round after round, for ever, in the portions that the aggregator commits."""
    part: list[Seen] = []
    held = 0
    while True:
        for shard, region, n, message in load.round():
            results = decode(message, shard=shard, region=region)
            part.append(Seen(results, 1 + REGIONS.index(region), np.ones(n, np.bool_)))
            held += n
            if held > MOST_RESULTS:
                yield part
                part, held = [], 0


class Stream:
    """The results stream: how many results lie in it up to each sequence, and when that was published."""

    def __init__(self, nc: Client) -> None:
        self._nc = nc
        self.results = [0]
        self.published_s = [0.0]

    @property
    def last(self) -> int:
        return len(self.results) - 1

    async def fill(self, messages: Sequence[tuple[int, str, int, bytes]]) -> None:
        """Publish in this order, so that sequences are counted here as in the broker."""
        for shard, region, n, message in messages:
            self.results.append(self.results[-1] + n)
            self.published_s.append(time.monotonic())
            await self._nc.publish(f"quivive.results.{shard}.{region}", message)
        await self._nc.flush(30)
        await self._until_stored()

    async def _until_stored(self) -> None:
        js = self._nc.jetstream()
        deadline = time.monotonic() + WITHIN_S
        while (await js.stream_info("QUIVIVE_RESULTS")).state.last_seq < self.last:
            if time.monotonic() > deadline:
                raise RuntimeError("the broker lost messages: sequences cannot be told")
            await asyncio.sleep(0.01)


class Watcher:
    """What is committed, asked for on a connection of its own."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)

    def position(self) -> int:
        row = self._connection.execute("SELECT coalesce(max(position), 0) FROM quivive.shards").fetchone()
        assert row is not None
        return int(row[0])

    def up(self) -> int:
        row = self._connection.execute(
            "SELECT count(*) FROM quivive.state_intervals WHERE end_time IS NULL AND state = 1"
        ).fetchone()
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        self._connection.close()


class QuickBroker(NatsServer):
    """A broker that does not wait for the disk: laying the stream down is not what is measured."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        path = root / "nats.conf"
        settings = json.loads(path.read_text("utf-8"))
        del settings["jetstream"]["sync_interval"]
        path.write_text(json.dumps(settings), "utf-8")


class PinnedAggregator(AggregatorProcess):
    """An aggregator that has one core, and that one alone."""

    def __init__(self, core: int, log: Path, database_url: str, nats_url: str) -> None:
        super().__init__(log, database_url, nats_url)
        self._core = core

    def start(self) -> AggregatorProcess:
        ours = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self._core})  # a child begins with what its parent has
        try:
            return super().start()
        finally:
            os.sched_setaffinity(0, ours)


def say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


async def live(publisher: Publisher) -> None:
    """Every region is heard for as long as the task lives."""
    while True:
        for region in REGIONS:
            await publisher.presence(region)
        await asyncio.sleep(3)


async def until(condition: Callable[[], bool], what: str, poll_s: float = 0.1) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {WITHIN_S:.0f} s")
        await asyncio.sleep(poll_s)


async def settle(stream: Stream, watcher: Watcher, load: Load) -> None:
    """Have every check looked at until all are UP, so that what is measured is the usual case."""
    while watcher.up() < len(load.checks):
        await stream.fill(list(load.round()))
        await until(lambda: watcher.position() >= stream.last, "the warm-up is committed")


async def drain(stream: Stream, watcher: Watcher, first: int, seconds: float) -> tuple[float, float]:
    """Results per second from the first commit after sequence `first` on, and how long that was measured."""
    await until(lambda: watcher.position() > first, "the first commit", 0.005)
    started_at = watcher.position()
    started = time.monotonic()
    reached = started_at
    ended = started
    while reached < stream.last and ended - started < seconds:
        await asyncio.sleep(0.05)
        position = watcher.position()
        if position > reached:
            reached, ended = position, time.monotonic()
    return (stream.results[reached] - stream.results[started_at]) / (ended - started), ended - started


async def delays(stream: Stream, watcher: Watcher, load: Load, rate: float, seconds: float) -> list[float]:
    """Seconds from publication to commit of every message after the first few seconds, at `rate` results per second."""
    first = stream.last + 1
    committed: dict[int, float] = {}
    publishing = asyncio.ensure_future(_publish_at(stream, load, rate, UNSEEN_S + seconds))
    at = first
    while at <= stream.last or not publishing.done():
        await asyncio.sleep(0.005)
        position, moment = watcher.position(), time.monotonic()
        while at <= min(position, stream.last):
            committed[at] = moment
            at += 1
    await publishing
    begin = stream.published_s[first] + UNSEEN_S
    return [
        moment - stream.published_s[sequence]
        for sequence, moment in committed.items()
        if stream.published_s[sequence] >= begin
    ]


async def _publish_at(stream: Stream, load: Load, rate: float, seconds: float) -> None:
    started, sent = time.monotonic(), 0
    while True:
        for message in load.round():
            wait = started + sent / rate - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            if time.monotonic() - started > seconds:
                return
            await stream.fill([message])
            sent += message[2]


async def measure(admin_url: str, sites: int, seconds: float, core: int, folder: Path) -> dict[str, float]:
    load = Load(sites)
    floors = {}
    say("the floor")
    for name, staged in (("staged_floor_per_second", True), ("straight_floor_per_second", False)):
        with fresh_database(admin_url, load) as url:
            floors[name] = await floor(url, load, min(seconds, 20.0), staged=staged)
    broker = QuickBroker(folder / "nats").start()
    try:
        with fresh_database(admin_url, load) as url:
            return {**floors, **await _ingest(url, broker, load, seconds, core, folder)}
    finally:
        broker.stop()


async def _ingest(
    url: str, broker: RunningServer, load: Load, seconds: float, core: int, folder: Path
) -> dict[str, float]:
    publisher, watcher = await Publisher.connect(broker.url), Watcher(url)
    nc = await bus.connect(broker.url, name="bench")
    aggregator = PinnedAggregator(core, folder / "aggregator.log", url, broker.url)
    stream = Stream(nc)
    living = asyncio.ensure_future(live(publisher))
    try:
        say("the warm-up: every site becomes UP")
        aggregator.start()
        await settle(stream, watcher, load)
        await asyncio.to_thread(aggregator.stop)
        say("laying down the stream")
        first = stream.last
        while stream.results[-1] - stream.results[first] < 2 * ASKED * seconds:
            await stream.fill(list(load.round()))
        say("the drain")
        aggregator.start()
        rate, measured_s = await drain(stream, watcher, first, seconds)
        say(f"{rate:,.0f} results per second; what is left of the stream")
        await until(lambda: watcher.position() >= stream.last, "the stream is drained")
        await settle(stream, watcher, load)
        say("the delay")
        late = await delays(stream, watcher, load, ASKED / 2, min(seconds, 30.0))
        stored = rows(url, "SELECT count(*) FROM quivive.results")[0][0]
        if stored != stream.results[-1]:
            raise RuntimeError(f"{stored} rows for {stream.results[-1]} results")
    finally:
        aggregator.kill()
        living.cancel()
        watcher.close()
        await publisher.close()
        await bus.disconnect(nc)
    return {
        "results_per_second": rate,
        "measured_seconds": measured_s,
        "commit_delay_p50_s": float(np.percentile(late, 50)),
        "commit_delay_p99_s": float(np.percentile(late, 99)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the drain is measured")
    parser.add_argument("--sites", type=int, default=20_000, help="declared and looked at in turn")
    parser.add_argument("--core", type=int, default=0, help="the aggregator's")
    arguments = parser.parse_args()
    # The database, the broker and this process leave the core to the aggregator.
    os.sched_setaffinity(0, os.sched_getaffinity(0) - {arguments.core} or {arguments.core})
    try:
        with timescale() as admin_url, tempfile.TemporaryDirectory() as folder:
            with psycopg.connect(admin_url) as connection:
                server = server_version(connection)
            work = measure(admin_url, arguments.sites, arguments.seconds, arguments.core, Path(folder))
            figures = uvloop.run(work)
    except Unavailable as error:
        print(error, file=sys.stderr)
        return 2
    figures["ratio"] = figures["results_per_second"] / figures["staged_floor_per_second"]
    shown = Table(title=f"One aggregator on one core, {server}", title_justify="left")
    shown.add_column("figure")
    shown.add_column("value", justify="right")
    for name, value in figures.items():
        shown.add_row(name.replace("_", " "), f"{value:,.3f}" if value < 100 else f"{value:,.0f}")
    Console(width=100).print(shown)
    print(json.dumps({**figures, "sites": arguments.sites, "server": server}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
