"""The publisher against a real broker that is killed, started again, or not ready yet."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from nats.aio.client import Client
from servers import NatsServer

from probe_agent.publish import Publisher
from probe_agent.results import Evidence, Result
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


def publisher_on(nc: Client, **more: int) -> Publisher:
    return Publisher(nc, region=REGION, agent=AGENT, shards=4, clock_offset_us=lambda: 42, **more)


@pytest.fixture
async def publisher(nc: Client) -> AsyncIterator[Publisher]:
    publisher = publisher_on(nc)
    task = asyncio.create_task(publisher.run())
    yield publisher
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


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


async def test_while_the_broker_is_away_the_oldest_are_given_up_beyond_the_bound(
    nc: Client, nats_server: NatsServer
) -> None:
    await ensure_streams(nc.jetstream())
    publisher = publisher_on(nc, max_backlog_bytes=20_000)
    task = asyncio.create_task(publisher.run())
    await asyncio.to_thread(nats_server.kill)
    for check in range(1, 401):
        publisher.put(failed(check))
        await asyncio.sleep(0)
    await publisher.flush(0.1)
    kept = publisher.unpublished
    assert 50 < kept < 400
    await asyncio.to_thread(nats_server.start)
    assert await publisher.flush(WITHIN_S) == 0
    batches = await stored(nc, lambda batches: len(results(batches)) >= kept)
    assert (400, 0) in results(batches)
    assert len(results(batches)) == kept
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
