"""The publisher against a real broker that is killed, started again, or not ready yet."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from nats.aio.client import Client
from servers import NatsServer

from probe_agent.publish import Publisher
from probe_agent.results import Evidence, Result
from probe_agent.spool import Spool
from quivive import subjects
from quivive.bus import Reader, connect, ensure_streams
from quivive.domain.times import SECOND_US
from quivive.domain.words import Cause, Outcome
from quivive.v1.bus_pb2 import ResultBatch

REGION, AGENT = "eu-west", "3f0c6b1e-0000-4000-8000-000000000000"
NOW_US = 1_767_225_600 * SECOND_US
WITHIN_S = 30.0


@pytest.fixture
async def nc(nats_server: NatsServer) -> AsyncIterator[Client]:
    client = await connect(nats_server.url, name="publisher's test")
    yield client
    await client.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110  the publisher tells nobody
            await asyncio.sleep(0.01)


def memory(mib: int = 64) -> Spool:
    return Spool.in_memory(REGION, mib * 1024 * 1024, timedelta(hours=24))


def publisher_on(nc: Client, spool: Spool, agent: str = AGENT, live_s: float = 30.0) -> Publisher:
    return Publisher(nc, region=REGION, agent=agent, shards=4, clock_offset_us=lambda: 42, spool=spool, live_s=live_s)


@asynccontextmanager
async def running(publisher: Publisher) -> AsyncIterator[Publisher]:
    task = asyncio.create_task(publisher.run())
    yield publisher
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def publisher(nc: Client) -> AsyncIterator[Publisher]:
    async with running(publisher_on(nc, memory())) as publisher:
        yield publisher


def good(check: int, attempt: int = 0) -> Result:
    return Result(check, 1, NOW_US, attempt, Outcome.UP, NOW_US + 1000)


def failed(check: int, attempt: int = 0) -> Result:
    evidence = Evidence("connection refused by 192.0.2.7:443")
    return Result(check, 1, NOW_US, attempt, Outcome.DOWN, NOW_US + 1000, Cause.TCP_REFUSED, evidence=evidence)


async def stored(nc: Client, until: Callable[[list[ResultBatch]], bool]) -> list[ResultBatch]:
    """Everything in the stream, once it is enough."""
    reader, batches = Reader(nc, subjects.RESULTS_STREAM, ["quivive.results.>"]), []
    async with asyncio.timeout(WITHIN_S):
        while not until(batches):
            batches += [ResultBatch.FromString(delivery.data) for delivery in await reader.read()]
    await reader.close()
    return batches


def results(batches: list[ResultBatch]) -> list[tuple[int, int]]:
    return [pair for batch in batches for pair in zip(batch.check, batch.attempt, strict=True)]


async def test_a_failure_is_on_the_bus_at_once_and_good_results_within_a_second(
    nc: Client, publisher: Publisher
) -> None:
    await ensure_streams(nc.jetstream())
    loop = asyncio.get_running_loop()
    begun = loop.time()
    publisher.put(failed(1))
    await stored(nc, lambda batches: (1, 0) in results(batches))
    assert loop.time() - begun < 0.9
    publisher.put(good(2))
    batches = await stored(nc, lambda batches: (2, 0) in results(batches))
    assert (batches[0].region, batches[0].agent, batches[0].clock_offset_us) == (REGION, AGENT, 42)
    assert await publisher.flush(WITHIN_S) == 0


async def test_results_made_before_the_stream_exists_are_published_when_it_does(
    nc: Client, publisher: Publisher
) -> None:
    for check in range(1, 21):
        publisher.put(failed(check))
    assert await publisher.flush(0.6) == 20
    assert publisher.unpublished == 20
    await ensure_streams(nc.jetstream())
    assert await publisher.flush(WITHIN_S) == 0
    batches = await stored(nc, lambda batches: len(results(batches)) >= 20)
    assert sorted(results(batches)) == [(check, 0) for check in range(1, 21)]


async def test_a_broker_that_is_killed_again_and_again_loses_and_doubles_nothing(
    nc: Client, publisher: Publisher, nats_server: NatsServer
) -> None:
    await ensure_streams(nc.jetstream())
    expected = [(check, 0) for check in range(1, 1201)]
    for check, _ in expected:
        publisher.put(failed(check) if check % 7 == 0 else good(check))
        await asyncio.sleep(0.003)
        if check in (200, 500, 800):
            await asyncio.to_thread(nats_server.kill)
        if check in (300, 510, 1000):
            await asyncio.to_thread(nats_server.start)
    assert await publisher.flush(WITHIN_S) == 0
    batches = await stored(nc, lambda batches: len(results(batches)) >= len(expected))
    assert sorted(results(batches)) == expected
    numbers = [batch.number for batch in batches]
    assert len(numbers) == len(set(numbers))


async def test_what_an_earlier_agent_left_in_the_spool_goes_out_in_order_and_once_behind_what_is_live(
    nc: Client, nats_server: NatsServer, tmp_path: Path
) -> None:
    await ensure_streams(nc.jetstream())
    limits = (10 * 1024 * 1024, timedelta(hours=24))
    await asyncio.to_thread(nats_server.kill)
    first = Spool.open(tmp_path, REGION, *limits)
    async with running(publisher_on(nc, first)) as publisher:
        for check in range(1, 301):
            publisher.put(good(check) if check % 3 else failed(check))
            await asyncio.sleep(0.002)
        await until(lambda: publisher.unpublished == 300)
        # As a kill -9 would: nothing is flushed or closed, only the kernel takes the lock back.
        assert first._lock is not None
        os.close(first._lock)
    second = Spool.open(tmp_path, REGION, *limits)
    assert second.results == 300
    async with running(publisher_on(nc, second, agent="another")) as publisher:
        publisher.put(failed(1000))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(nats_server.start)
        await until(lambda: publisher.unpublished == 0)
    second.close()
    batches = await stored(nc, lambda batches: len(results(batches)) >= 301)
    assert sorted(results(batches)) == sorted((check, 0) for check in [*range(1, 301), 1000])
    assert results(batches)[0] == (1000, 0)
    numbers = [batch.number for batch in batches if batch.agent == AGENT]
    assert numbers == sorted(set(numbers))
    assert Spool.open(tmp_path, REGION, *limits).batches == 0


async def test_what_could_not_be_sent_for_a_while_waits_until_what_is_live_is_through(
    nc: Client, nats_server: NatsServer
) -> None:
    await ensure_streams(nc.jetstream())
    async with running(publisher_on(nc, memory(), live_s=3.0)) as publisher:
        await asyncio.to_thread(nats_server.kill)
        for check in range(1, 101):
            publisher.put(failed(check))
            await asyncio.sleep(0.002)
        await asyncio.sleep(3.0)
        publisher.put(failed(1000))
        await asyncio.to_thread(nats_server.start)
        await until(lambda: publisher.unpublished == 0)
    live, *replayed = await stored(nc, lambda batches: len(results(batches)) >= 101)
    assert results([live]) == [(1000, 0)]
    assert sorted(results(replayed)) == [(check, 0) for check in range(1, 101)]
    numbers = [batch.number for batch in replayed]
    assert numbers == sorted(numbers)


async def test_beyond_the_bound_the_oldest_are_given_up_counted_and_told(
    nc: Client, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe_agent.publish.TIDY_S", 0.1)
    await ensure_streams(nc.jetstream())
    spool = Spool.in_memory(REGION, 40_000, timedelta(hours=24))
    async with running(publisher_on(nc, spool, live_s=0.05)) as publisher:
        await asyncio.to_thread(nats_server.kill)
        for check in range(1, 401):
            publisher.put(failed(check))
            await asyncio.sleep(0.001)
        while spool.bytes > 40_000 or publisher.unpublished == 400:
            publisher.put(failed(400, attempt=1))
            await asyncio.sleep(0.05)
        kept = publisher.unpublished
        assert publisher.dropped > 0
        await asyncio.to_thread(nats_server.start)
        await until(lambda: publisher.unpublished == 0)
    batches = await stored(nc, lambda batches: len(results(batches)) >= kept)
    assert (400, 0) in results(batches)
    assert (1, 0) not in results(batches)


async def test_a_spool_that_fails_is_left_behind_and_nothing_that_comes_is_lost(nc: Client, tmp_path: Path) -> None:
    await ensure_streams(nc.jetstream())
    spool = Spool.open(tmp_path, REGION, 10 * 1024 * 1024, timedelta(hours=24))
    async with running(publisher_on(nc, spool)) as publisher:
        publisher.put(good(1))
        await asyncio.sleep(0.05)
        spool.close()
        publisher.put(good(2))
        publisher.put(failed(3))
        batches = await stored(nc, lambda batches: len(results(batches)) >= 3)
        assert await publisher.flush(WITHIN_S) == 0
    assert sorted(results(batches)) == [(1, 0), (2, 0), (3, 0)]
