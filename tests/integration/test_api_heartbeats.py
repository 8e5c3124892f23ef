"""Jobs call the real api, on a real database and a real broker; what reaches the results stream is what counts."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from api_server import CONFIGURATION, Api, running_api
from nats.aio.client import Client

from aggregator.migrate import migrate
from aggregator.results import decode
from quivive import subjects
from quivive.bus import connect, disconnect
from quivive.domain.checks import HEARTBEAT_REGION, shard_of
from quivive.domain.words import Cause, Outcome
from quivive.v1 import site_pb2

KEY = "a key that only tests have"
WITHIN_S = 30


def declared(**heartbeat: Any) -> dict[str, Any]:
    check = {"name": "backup", "heartbeat": heartbeat}
    return {**CONFIGURATION, "sites": [{**CONFIGURATION["sites"][0], "checks": [check]}]}


@pytest.fixture
async def nc(nats_url: str) -> AsyncIterator[Client]:
    connection = await connect(nats_url, name="test")
    yield connection
    await disconnect(connection)


@pytest.fixture
async def api(database_url: str, nats_url: str) -> AsyncIterator[Api]:
    await asyncio.to_thread(migrate, database_url)
    async with running_api(database_url, nats_url, heartbeat_key=KEY, public_url="https://status.example") as running:
        yield running


async def call_path(api: Api) -> str:
    site = await api.sites.GetSite(site_pb2.GetSiteRequest(name="sites/martin-www"))
    (url,) = [check.call_url for check in site.checks if check.type == "heartbeat"]
    return urlsplit(url).path


async def until_met(api: Api) -> None:
    """Wait until the api knows the job's address."""
    async with asyncio.timeout(WITHIN_S):
        while not api.rows("SELECT 1 FROM quivive.heartbeats"):  # noqa: ASYNC110  another process' table
            await asyncio.sleep(0.02)


async def votes(nc: Client, check: int, count: int) -> list[tuple[Outcome, Cause, str]]:
    """The first `count` results of the check on the bus."""
    subject = subjects.results(shard_of(check, 16), HEARTBEAT_REGION)
    js = nc.jetstream()
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                subscription = await js.subscribe(subject, ordered_consumer=True)
                break
            except Exception:  # the api has not made the stream yet
                await asyncio.sleep(0.05)
        found = []
        while len(found) < count:
            message = await subscription.next_msg(WITHIN_S)
            results = decode(message.data, shard=shard_of(check, 16), region=HEARTBEAT_REGION)
            assert results.check.tolist() == [check]
            evidence = results.evidence.get(0)
            detail = evidence.detail if evidence is not None else ""
            found.append((Outcome(int(results.outcome[0])), Cause(int(results.cause[0])), detail))
        await subscription.unsubscribe()
    return found


async def test_every_form_of_a_call_becomes_a_vote(api: Api, nc: Client) -> None:
    await api.apply(declared(period="1h", grace="10min"))
    path = await call_path(api)
    await until_met(api)
    assert (await api.web.get(path)).text == "ok\n"
    assert (await api.web.head(f"{path}/0")).status_code == 200
    assert (await api.web.post(f"{path}/fail", content="disk full")).status_code == 200
    assert (await api.web.get(f"{path}/start")).status_code == 200
    assert (await api.web.get(f"{path}/3")).status_code == 200
    up = (Outcome.UP, Cause.UNSPECIFIED, "")
    assert await votes(nc, api.check_id("martin-www", "backup"), 4) == [
        up,
        up,
        (Outcome.DOWN, Cause.HEARTBEAT_FAILED, "the job failed: disk full"),
        (Outcome.DOWN, Cause.HEARTBEAT_FAILED, "the job failed with exit code 3"),
    ]


async def test_silence_past_period_and_grace_is_a_vote(api: Api, nc: Client) -> None:
    await api.apply(declared(period="1s", grace="1s"))
    ((outcome, cause, detail),) = await votes(nc, api.check_id("martin-www", "backup"), 1)
    assert (outcome, cause) == (Outcome.DOWN, Cause.HEARTBEAT_SILENT)
    assert detail.endswith("it has never called")


async def test_a_call_that_nobody_knows_is_refused(api: Api) -> None:
    await api.apply(declared(period="1h"))
    path = await call_path(api)
    await until_met(api)
    assert (await api.web.get("/heartbeat/nobody")).status_code == 404
    assert (await api.web.get(f"{path}/256")).status_code == 404
    assert (await api.web.get(f"{path}/stop")).status_code == 404
    assert (await api.web.put(path)).status_code == 405
    assert api.rows("SELECT 1 FROM quivive.heartbeat_calls") == []


async def test_the_address_is_told_when_a_job_is_declared_and_only_its_hash_is_stored(api: Api) -> None:
    changes = await api.apply(declared(cron="0 3 * * *", grace="1h"))
    path = await call_path(api)
    (fields,) = [fields for _, name, fields in changes if name == "sites/martin-www"]
    assert f"backup is called at https://status.example{path}" in fields
    await until_met(api)
    dump = api.rows(
        "SELECT h::text, r.target, encode(r.spec, 'escape') FROM quivive.heartbeats AS h"
        " JOIN quivive.check_revisions AS r USING (check_id)"
    )
    assert path.rpartition("/")[2] not in str(dump)
    assert dump[0][1] == "heartbeat://martin-www/backup"


async def test_two_apis_say_it_once_and_either_takes_calls(
    api: Api, nc: Client, database_url: str, nats_url: str
) -> None:
    await api.apply(declared(period="1h", grace="10min"))
    path = await call_path(api)
    await until_met(api)
    async with running_api(database_url, nats_url, heartbeat_key=KEY) as other:
        for web in (api.web, other.web):
            assert (await web.get(path)).status_code == 200
        await votes(nc, api.check_id("martin-www", "backup"), 2)
        assert api.rows("SELECT count(*), count(DISTINCT holder) FROM quivive.heartbeat_observer") == [(1, 1)]
    state = await nc.jetstream().stream_info(subjects.RESULTS_STREAM)
    assert state.state.messages == 2


async def test_silence_counts_anew_after_the_apis_own_downtime(database_url: str, nats_url: str) -> None:
    await asyncio.to_thread(migrate, database_url)
    async with running_api(database_url, nats_url, heartbeat_key=KEY) as first:
        await first.apply(declared(period="1h"))
        path = await call_path(first)
        await until_met(first)
        assert (await first.web.get(path)).status_code == 200
        ((before,),) = first.rows("SELECT since_time FROM quivive.heartbeat_observer")
    async with running_api(database_url, nats_url, heartbeat_key=KEY) as second, asyncio.timeout(WITHIN_S):
        while (after := second.rows("SELECT since_time FROM quivive.heartbeat_observer")[0][0]) == before:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert after > second.rows("SELECT call_time FROM quivive.heartbeats")[0][0]


async def test_without_a_key_a_job_is_refused_with_its_place(database_url: str, nats_url: str) -> None:
    await asyncio.to_thread(migrate, database_url)
    async with running_api(database_url, nats_url) as keyless:
        with pytest.raises(Exception, match="QUIVIVE_HEARTBEAT_KEY"):
            await keyless.apply(declared(period="1h"))
        assert (await keyless.web.get("/heartbeat/anything")).status_code == 404
