"""The database dies again and again while results keep coming: all are stored, each once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import psycopg
import pytest
from declaring import declare, rows
from publishing import AggregatorProcess, Attempt, Publisher, eventually, now_us
from servers import PostgresServer

from aggregator.migrate import migrate

CHECK = 101
KILLS = 6
MOST_MEMORY = 400 * 2**20


@pytest.fixture
async def publisher(nats_url: str) -> AsyncIterator[Publisher]:
    publisher = await Publisher.connect(nats_url)
    yield publisher
    await publisher.close()


class Load:
    """One good result after the other, until told to stop; counts what the bus has acknowledged."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._stop = asyncio.Event()
        self.sent = 0

    async def run(self) -> int:
        while not self._stop.is_set():
            await self._publisher.results("eu-west", *(Attempt(CHECK, slot_us=now_us() + n) for n in range(50)))
            self.sent += 50
            await asyncio.sleep(0.01)
        return self.sent

    def stop(self) -> None:
        self._stop.set()


def stored(url: str) -> int:
    try:
        ((count,),) = rows(url, "SELECT count(*) FROM quivive.results")
    except psycopg.OperationalError:
        return -1
    return int(count)


async def test_a_database_that_is_killed_again_and_again_loses_and_doubles_nothing(
    postgres_server: PostgresServer, publisher: Publisher, nats_url: str, tmp_path: Path
) -> None:
    url = postgres_server.url
    migrate(url)
    declare(url)
    aggregator = AggregatorProcess(tmp_path / "aggregator.log", url, nats_url).start()
    load = Load(publisher)
    running = asyncio.ensure_future(load.run())
    try:
        await eventually(lambda: stored(url) > 0, "the first results")
        for _ in range(KILLS):
            before = stored(url)
            await asyncio.to_thread(postgres_server.kill)
            await asyncio.to_thread(postgres_server.start)
            await eventually(lambda before=before: stored(url) > before, "results after a kill", 40)  # type: ignore[misc]
        load.stop()
        sent = await running
        await eventually(lambda: stored(url) >= sent, "every result", 40)
        assert stored(url) == sent
        assert aggregator.exit_code is None
        memory = sum(p.memory_info().rss for p in psutil.Process().children() if "aggregator" in p.cmdline())
        assert 0 < memory < MOST_MEMORY
    finally:
        running.cancel()
        aggregator.kill()
