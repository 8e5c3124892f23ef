"""Reading a stream in order, whatever happens to the broker or to the connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from servers import NatsServer

from quivive import subjects
from quivive.bus import Reader, connect, ensure_streams

WITHIN_S = 30


@pytest.fixture
async def nc(nats_url: str) -> AsyncIterator[Client]:
    connection = await connect(nats_url, name="test")
    await ensure_streams(connection.jetstream())
    yield connection
    await connection.close()


async def publish(js: JetStreamContext, numbers: range, shard: int = 0) -> None:
    for number in numbers:
        await js.publish(subjects.results(shard, "eu-west"), str(number).encode())


async def read_until(reader: Reader, count: int) -> list[int]:
    """The numbers that come, up to so many."""
    numbers: list[int] = []
    async with asyncio.timeout(WITHIN_S):
        while len(numbers) < count:
            numbers += [int(delivery.data) for delivery in await reader.read()]
    return numbers


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - what is waited for signals to nobody
            await asyncio.sleep(0.01)


@asynccontextmanager
async def reading(
    nc: Client, *names: str, after: int | None = 0, stream_time: datetime | None = None
) -> AsyncIterator[Reader]:
    reader = Reader(nc, subjects.RESULTS_STREAM, names or ["quivive.results.*.*"], after=after, stream_time=stream_time)
    yield reader
    await reader.close()


async def test_everything_is_read_in_order_with_its_sequence_and_time(nc: Client) -> None:
    await publish(nc.jetstream(), range(50))
    async with reading(nc) as reader:
        deliveries = []
        while len(deliveries) < 50:
            deliveries += await reader.read(limit=7)
    assert [int(delivery.data) for delivery in deliveries] == list(range(50))
    assert [delivery.sequence for delivery in deliveries] == list(range(1, 51))
    times = [delivery.time_us for delivery in deliveries]
    assert times == sorted(times)
    assert {delivery.subject for delivery in deliveries} == {"quivive.results.0.eu-west"}


async def test_no_more_than_the_limit_is_read_at_once(nc: Client) -> None:
    await publish(nc.jetstream(), range(20))
    async with reading(nc) as reader:
        async with asyncio.timeout(WITHIN_S):
            assert len(await reader.read(limit=3)) <= 3


async def test_reading_goes_on_behind_a_position(nc: Client) -> None:
    await publish(nc.jetstream(), range(10))
    async with reading(nc, after=7) as reader:
        assert await read_until(reader, 3) == [7, 8, 9]


async def test_only_the_subjects_asked_for_are_read(nc: Client) -> None:
    js = nc.jetstream()
    await publish(js, range(3), shard=1)
    await publish(js, range(3, 6), shard=2)
    await publish(js, range(6, 9), shard=3)
    async with reading(nc, "quivive.results.1.*", "quivive.results.3.*") as reader:
        assert await read_until(reader, 6) == [0, 1, 2, 6, 7, 8]


async def test_an_idle_stream_is_told_apart_from_a_silent_broker(nc: Client) -> None:
    async with reading(nc) as reader:
        async with asyncio.timeout(WITHIN_S):
            assert await reader.read() == []
            assert reader.caught_up
            assert await reader.read() == []  # a heartbeat
        await publish(nc.jetstream(), range(1))
        assert await read_until(reader, 1) == [0]
        assert reader.caught_up


async def test_it_has_caught_up_only_when_all_that_was_there_is_handed_out(nc: Client) -> None:
    await publish(nc.jetstream(), range(30))
    async with reading(nc) as reader:
        read = 0
        while read < 30:
            assert not reader.caught_up
            read += len(await reader.read(limit=10))
        assert reader.caught_up


async def test_a_killed_and_restarted_broker_costs_no_message_and_doubles_none(
    nats_server: NatsServer, nc: Client
) -> None:
    js = nc.jetstream()
    await publish(js, range(100))
    async with reading(nc) as reader:
        numbers = await read_until(reader, 40)
        nats_server.kill()
        nats_server.start()
        await eventually(lambda: nc.stats["reconnects"] > 0)
        await publish(js, range(100, 200))
        numbers += await read_until(reader, 200 - len(numbers))
        async with asyncio.timeout(WITHIN_S):
            assert await reader.read() == []
    assert numbers == list(range(200))


async def test_a_consumer_that_the_broker_lost_is_made_anew(nc: Client) -> None:
    js = nc.jetstream()
    await publish(js, range(5))
    async with reading(nc) as reader:
        assert await read_until(reader, 5) == [0, 1, 2, 3, 4]
        (consumer,) = await js.consumers_info(subjects.RESULTS_STREAM)
        await js.delete_consumer(subjects.RESULTS_STREAM, consumer.name)
        await publish(js, range(5, 10))
        assert await read_until(reader, 5) == [5, 6, 7, 8, 9]


async def test_a_delivery_that_got_lost_on_the_way_is_noticed_and_fetched_again(nc: Client) -> None:
    js = nc.jetstream()
    async with reading(nc) as reader:
        assert await reader.read() == []
        await publish(js, range(10))
        await eventually(lambda: reader._queue.qsize() >= 10)
        reader._queue.get_nowait()
        assert await read_until(reader, 10) == list(range(10))


async def test_the_loss_of_the_last_delivery_is_noticed_by_the_heartbeat(nc: Client) -> None:
    async with reading(nc) as reader:
        assert await reader.read() == []
        await publish(nc.jetstream(), range(1))
        await eventually(lambda: reader._queue.qsize() >= 1)
        while not reader._queue.empty():
            reader._queue.get_nowait()
        assert await read_until(reader, 1) == [0]


async def test_a_lost_connection_costs_nothing(nats_server: NatsServer) -> None:
    """The connection is cut in the middle of the stream, the broker lives on."""
    host, port = nats_server.url.rpartition("@")[2].removeprefix("nats://").split(":")
    pipes: list[asyncio.StreamWriter] = []

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(4096):
            sink.write(data)
            await sink.drain()
        sink.close()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        pipes.extend((writer, inner_writer))
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer), return_exceptions=True)

    proxy = await asyncio.start_server(carry, "127.0.0.1", 0)
    through = nats_server.url.replace(f"{host}:{port}", f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
    direct, nc = await connect(nats_server.url, name="direct"), await connect(through, name="proxied")
    js = direct.jetstream()
    await ensure_streams(js)
    async with reading(nc) as reader:
        numbers: list[int] = []
        for cut in range(3):
            await publish(js, range(cut * 20, cut * 20 + 20))
            numbers += await read_until(reader, 10)
            for writer in pipes:
                writer.transport.abort()
            pipes.clear()
        numbers += await read_until(reader, 60 - len(numbers))
    assert numbers == list(range(60))
    await direct.close()
    await nc.close()
    proxy.close()


async def test_a_stream_that_was_wiped_is_read_from_its_beginning(nc: Client) -> None:
    js = nc.jetstream()
    await publish(js, range(10))
    await js.delete_stream(subjects.RESULTS_STREAM)
    await ensure_streams(js)
    await publish(js, range(3))
    async with reading(nc, after=10) as reader:
        assert await read_until(reader, 3) == [0, 1, 2]


async def test_a_stream_that_was_wiped_while_nobody_read_is_known_by_when_it_was_made(nc: Client) -> None:
    js = nc.jetstream()
    await publish(js, range(3))
    async with reading(nc, after=0) as reader:
        await read_until(reader, 3)
        first = reader.stream_time
    await js.delete_stream(subjects.RESULTS_STREAM)
    await ensure_streams(js)
    await publish(js, range(10))
    async with reading(nc, after=3, stream_time=first) as reader:
        assert await read_until(reader, 10) == list(range(10))


async def test_streams_can_be_ensured_by_everyone_at_once_and_are_brought_to_the_contract(nc: Client) -> None:
    js = nc.jetstream()
    await js.update_stream(StreamConfig(name=subjects.RESULTS_STREAM, subjects=["quivive.results.*.*"], max_age=60))
    await asyncio.gather(*(ensure_streams(js) for _ in range(4)))
    config = (await js.stream_info(subjects.RESULTS_STREAM)).config
    assert config.max_age == 72 * 3600
    assert config.duplicate_window == 120
    presence = await js.key_value(subjects.PRESENCE_BUCKET)
    assert (await presence.status()).ttl == 30
