"""The bucket of checks follows the database, whatever happens to either."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from copy import deepcopy
from time import monotonic

import pytest
from api_server import CONFIGURATION, Api, running_api
from google.protobuf.message import DecodeError
from nats.aio.client import Client
from nats.js.errors import KeyNotFoundError, NoKeysError, NotFoundError
from servers import NatsServer

from quivive import subjects
from quivive.bus import connect
from quivive.domain.checks import slice_of
from quivive.v1 import bus_pb2

WITHIN_S = 30


@pytest.fixture
async def nc(nats_url: str) -> AsyncIterator[Client]:
    connection = await connect(nats_url, name="test")
    yield connection
    await connection.close()


async def content(nc: Client) -> dict[str, bus_pb2.CheckSpec | None]:
    """What agents would find; None is what they could not read."""
    try:
        bucket = await nc.jetstream().key_value(subjects.CHECKS_BUCKET)
        keys = await bucket.keys()
    except (NoKeysError, NotFoundError):
        return {}
    found: dict[str, bus_pb2.CheckSpec | None] = {}
    for key in keys:
        try:
            found[key] = bus_pb2.CheckSpec.FromString((await bucket.get(key)).value or b"")
        except (DecodeError, KeyNotFoundError):
            found[key] = None
    return found


async def until_there(nc: Client, stream: str) -> None:
    """Wait until the stream exists."""
    while True:
        try:
            await nc.jetstream().stream_info(stream)
        except NotFoundError:
            await asyncio.sleep(0.02)
        else:
            return


async def until_mirrored(api: Api, nc: Client) -> dict[str, bus_pb2.CheckSpec]:
    """Wait until the bucket is what the database wants it to be."""
    rows = api.rows(
        "SELECT c.check_id, r.spec FROM quivive.checks AS c JOIN quivive.check_revisions AS r USING (check_id, revision)"
        " WHERE c.delete_time IS NULL AND NOT c.paused"
    )
    desired = {
        subjects.check_key(slice_of(check), check): bus_pb2.CheckSpec.FromString(bytes(spec)) for check, spec in rows
    }
    async with asyncio.timeout(WITHIN_S):
        while await content(nc) != desired:  # noqa: ASYNC110  # nobody tells us when it is
            await asyncio.sleep(0.02)
    return desired


async def test_an_apply_reaches_the_agents_at_once(api: Api, nc: Client) -> None:
    await until_mirrored(api, nc)
    await api.apply(CONFIGURATION)
    (spec,) = (await until_mirrored(api, nc)).values()
    assert spec.revision == 1
    begun = monotonic()
    for interval in ("1min", "2min", "3min"):
        configuration = deepcopy(CONFIGURATION)
        configuration["sites"][0]["interval"] = interval
        await api.apply(configuration)
        await until_mirrored(api, nc)
    assert monotonic() - begun < 4, "a round must not wait for its period"


async def test_paused_and_deleted_checks_are_absent(api: Api, nc: Client) -> None:
    await api.apply(CONFIGURATION)
    assert len(await until_mirrored(api, nc)) == 1
    paused = deepcopy(CONFIGURATION)
    paused["sites"][0]["paused"] = True
    await api.apply(paused)
    assert not await until_mirrored(api, nc)
    await api.apply(CONFIGURATION)
    assert len(await until_mirrored(api, nc)) == 1
    await api.apply({"regions": CONFIGURATION["regions"]}, prune=True)
    assert not await until_mirrored(api, nc)


async def test_a_tampered_bucket_is_healed(api: Api, nc: Client) -> None:
    await api.apply(CONFIGURATION)
    (key,) = await until_mirrored(api, nc)
    bucket = await nc.jetstream().key_value(subjects.CHECKS_BUCKET)
    await bucket.put(key, b"nonsense")
    await bucket.put("9.12345", b"a stranger's")
    await until_mirrored(api, nc)
    await bucket.delete(key)
    await until_mirrored(api, nc)
    await bucket.purge(key)
    await until_mirrored(api, nc)


async def test_a_broker_that_lost_everything_is_filled_again(api: Api, nc: Client) -> None:
    await api.apply(CONFIGURATION)
    await until_mirrored(api, nc)
    js = nc.jetstream()
    for stream in (subjects.RESULTS_STREAM, subjects.EVENTS_STREAM, f"KV_{subjects.CHECKS_BUCKET}"):
        await js.delete_stream(stream)
    await until_mirrored(api, nc)
    async with asyncio.timeout(WITHIN_S):
        for stream in (subjects.RESULTS_STREAM, subjects.EVENTS_STREAM):
            await until_there(nc, stream)


async def test_an_api_that_starts_before_its_broker_serves_and_catches_up(
    migrated_url: str, nats_server: NatsServer
) -> None:
    nats_server.kill()
    async with running_api(migrated_url, nats_server.url) as api:
        await api.apply(CONFIGURATION)
        nats_server.start()
        nc = await connect(nats_server.url, name="test")
        assert len(await until_mirrored(api, nc)) == 1
        await nc.close()


async def test_two_apis_mirror_the_same_database_without_harm(migrated_url: str, nats_url: str, nc: Client) -> None:
    async with AsyncExitStack() as stack:
        apis = [await stack.enter_async_context(running_api(migrated_url, nats_url)) for _ in range(2)]
        site = CONFIGURATION["sites"][0]
        for count in (50, 10, 80):
            sites = [{**site, "id": f"site-{number}"} for number in range(count)]
            await apis[count % 2].apply({**CONFIGURATION, "sites": sites}, prune=True)
        assert len(await until_mirrored(apis[0], nc)) == 80
        info = await nc.jetstream().stream_info(f"KV_{subjects.CHECKS_BUCKET}")
        before = info.state.last_seq
        # Nothing left to do: further rounds write nothing.
        await apis[0].apply({**CONFIGURATION, "sites": sites, "channels": []}, prune=True)
        await until_mirrored(apis[0], nc)
        assert (await nc.jetstream().stream_info(f"KV_{subjects.CHECKS_BUCKET}")).state.last_seq == before
