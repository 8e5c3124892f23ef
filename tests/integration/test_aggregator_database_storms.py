"""The database dies, hangs, crawls and runs out of disk while results keep coming: all are stored, each once, in bounded memory.

QUIVIVE_TEST_STORM_SECONDS makes the storms longer than the few seconds that they take by default: 120 is a kill every 5 s for
two minutes.
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import psutil
import pytest
from declaring import declare
from publishing import AggregatorProcess, Publisher, eventually
from servers import PostgresServer
from storming import Link, Load, stored

from aggregator.migrate import migrate

CHECK = 101
STORM_S = float(os.environ.get("QUIVIVE_TEST_STORM_SECONDS", "0"))
KILLS = max(4, round(STORM_S / 5))
BACKLOG = round(max(100_000, 20_000 * STORM_S))
"""Results that a slow database is behind."""
MOST_MEMORY = 400 * 2**20
DISK_MIB = 176

pytestmark = pytest.mark.timeout(300 + 3 * STORM_S)


@pytest.fixture
async def publisher(nats_url: str) -> AsyncIterator[Publisher]:
    publisher = await Publisher.connect(nats_url)
    yield publisher
    await publisher.close()


async def weather(
    log: Path,
    url: str,
    nats_url: str,
    load: Load,
    storm: Callable[[AggregatorProcess], Awaitable[None]],
    *,
    way: str = "",
) -> None:
    """Let the storm pass over an aggregator under load; then everything must be there, once."""
    aggregator = AggregatorProcess(log, way or url, nats_url).start()
    running = asyncio.ensure_future(load.run())
    try:
        await eventually(lambda: stored(url) > 0, "the first results", 60)
        await storm(aggregator)
        load.stop()
        sent = await running
        await eventually(lambda: stored(url) >= sent, "every result", 120 + STORM_S)
        assert stored(url) == sent
        assert aggregator.exit_code is None
        assert 0 < memory() < MOST_MEMORY
    finally:
        running.cancel()
        aggregator.kill()


def memory() -> int:
    """Of the aggregator."""
    return sum(p.memory_info().rss for p in psutil.Process().children() if "aggregator" in p.cmdline())


async def test_a_database_that_is_killed_again_and_again_loses_and_doubles_nothing(
    postgres_server: PostgresServer, publisher: Publisher, nats_url: str, tmp_path: Path
) -> None:
    url = postgres_server.url
    migrate(url)
    declare(url)

    async def storm(_: AggregatorProcess) -> None:
        for _ in range(KILLS):
            before = stored(url)
            await asyncio.sleep(5 if STORM_S else 0)
            await asyncio.to_thread(postgres_server.kill)
            await asyncio.to_thread(postgres_server.start)
            await eventually(lambda before=before: stored(url) > before, "results after a kill", 60)  # type: ignore[misc]

    await weather(tmp_path / "aggregator.log", url, nats_url, Load(publisher, CHECK), storm)


async def test_a_network_that_hangs_and_breaks_loses_and_doubles_nothing(
    migrated_url: str, publisher: Publisher, nats_url: str, tmp_path: Path
) -> None:
    declare(migrated_url)
    link, load = await Link(migrated_url).open(), Load(publisher, CHECK)

    async def behind() -> None:
        sent = load.sent
        await asyncio.sleep(STORM_S / 4)
        await eventually(lambda: load.sent > sent + 5_000, "more results on the bus", 60)

    async def storm(_: AggregatorProcess) -> None:
        for breaks in (False, True):
            before = stored(migrated_url)
            link.freeze()
            await behind()
            if breaks:
                link.cut()
            link.thaw()
            await eventually(lambda before=before: stored(migrated_url) > before + 5_000, "what was missed", 60)  # type: ignore[misc]

    try:
        await weather(tmp_path / "aggregator.log", migrated_url, nats_url, load, storm, way=link.url)
    finally:
        link.close()


async def test_a_slow_database_holds_results_back_on_the_bus_and_not_in_memory(
    migrated_url: str, publisher: Publisher, nats_url: str, tmp_path: Path
) -> None:
    declare(migrated_url)
    link, load = await Link(migrated_url).open(), Load(publisher, CHECK, pause_s=0)
    most = 0

    def is_behind() -> bool:
        nonlocal most
        most = max(most, memory())
        return load.sent >= BACKLOG

    async def storm(_: AggregatorProcess) -> None:
        link.rate = 100_000.0
        await eventually(is_behind, "a backlog", 120 + 2 * STORM_S)
        assert stored(migrated_url) < BACKLOG / 2
        link.rate = None

    try:
        await weather(tmp_path / "aggregator.log", migrated_url, nats_url, load, storm, way=link.url)
    finally:
        link.close()
    assert 0 < most < MOST_MEMORY


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=755", "quivive-test", str(folder)], check=True
    )
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_full_disk_loses_and_doubles_nothing_once_there_is_room(
    small_disk: Path, publisher: Publisher, nats_url: str, tmp_path: Path
) -> None:
    server = PostgresServer(small_disk / "postgres").start()
    url = server.url
    migrate(url)
    declare(url)
    ballast = small_disk / "ballast"

    async def storm(aggregator: AggregatorProcess) -> None:
        free = os.statvfs(small_disk)
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, free.f_bavail * free.f_frsize - 3 * 2**20))
        await eventually(lambda: aggregator.says("retry_scheduled"), "a commit that finds no room", 120)
        before = stored(url)
        ballast.unlink()
        if server.process is not None and server.process.poll() is not None:
            # It gives up where not even its log fits; whoever runs it starts it again.
            server.stop()
            await asyncio.to_thread(server.start)
        await eventually(lambda: stored(url) > max(0, before), "results once there is room", 60)

    try:
        await weather(tmp_path / "aggregator.log", url, nats_url, Load(publisher, CHECK), storm)
    finally:
        server.stop()
