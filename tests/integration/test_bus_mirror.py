"""Following a key-value bucket: what is in it, then what changes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client
from nats.js.kv import KeyValue
from servers import NatsServer

from quivive import subjects
from quivive.bus import Mirror, connect, ensure_streams

WITHIN_S = 30


@pytest.fixture
async def nc(nats_url: str) -> AsyncIterator[Client]:
    connection = await connect(nats_url, name="test")
    await ensure_streams(connection.jetstream())
    yield connection
    await connection.close()


@pytest.fixture
async def checks(nc: Client) -> KeyValue:
    return await nc.jetstream().key_value(subjects.CHECKS_BUCKET)


async def follow(mirror: Mirror, content: dict[str, bytes]) -> None:
    """Take in what changed once; keys without a value leave."""
    async with asyncio.timeout(WITHIN_S):
        for change in await mirror.changes():
            if change.value is None:
                content.pop(change.key, None)
            else:
                content[change.key] = change.value


async def until(mirror: Mirror, content: dict[str, bytes], wanted: dict[str, bytes]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while content != wanted:
            await follow(mirror, content)


async def test_the_present_content_comes_first_and_then_every_change(nc: Client, checks: KeyValue) -> None:
    for number in range(20):
        await checks.put("7.1", str(number).encode())
        await checks.put(f"7.{number + 2}", b"x")
    mirror, content = Mirror(nc, subjects.CHECKS_BUCKET), {}
    while not mirror.caught_up:
        await follow(mirror, content)
    assert content == {"7.1": b"19"} | {f"7.{number + 2}": b"x" for number in range(20)}
    await checks.put("7.1", b"changed")
    await checks.delete("7.2")
    await checks.purge("7.3")
    wanted = {"7.1": b"changed"} | {f"7.{number}": b"x" for number in range(4, 22)}
    await until(mirror, content, wanted)
    await mirror.close()


async def test_an_empty_bucket_is_caught_up_with_at_once(nc: Client) -> None:
    mirror = Mirror(nc, subjects.CHECKS_BUCKET)
    async with asyncio.timeout(WITHIN_S):
        assert await mirror.changes() == []
    assert mirror.caught_up
    await mirror.close()


async def test_only_the_keys_asked_for_are_followed(nc: Client, checks: KeyValue) -> None:
    mirror, content = Mirror(nc, subjects.CHECKS_BUCKET, ["3.*", "5.*"]), {}
    for key in ("3.1", "4.1", "5.1"):
        await checks.put(key, key.encode())
    await until(mirror, content, {"3.1": b"3.1", "5.1": b"5.1"})
    await mirror.close()


async def test_a_change_carries_the_buss_time(nc: Client, checks: KeyValue) -> None:
    await checks.put("1.1", b"a")
    await checks.put("1.2", b"b")
    mirror = Mirror(nc, subjects.CHECKS_BUCKET)
    changes = []
    async with asyncio.timeout(WITHIN_S):
        while len(changes) < 2:
            changes += await mirror.changes()
    assert 0 < changes[0].time_us < changes[1].time_us
    await mirror.close()


async def test_changes_around_a_killed_broker_are_all_seen(
    nats_server: NatsServer, nc: Client, checks: KeyValue
) -> None:
    mirror, content = Mirror(nc, subjects.CHECKS_BUCKET), {}
    await checks.put("1.1", b"before")
    await until(mirror, content, {"1.1": b"before"})
    await checks.put("1.2", b"just before")
    nats_server.kill()
    nats_server.start()
    async with asyncio.timeout(WITHIN_S):
        while not nc.stats["reconnects"]:  # noqa: ASYNC110 - the client signals it to nobody else
            await asyncio.sleep(0.01)
    await checks.delete("1.1")
    await checks.put("1.3", b"after")
    await until(mirror, content, {"1.2": b"just before", "1.3": b"after"})
    await mirror.close()
