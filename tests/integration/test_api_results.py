"""Single results: as they are stored, as they arrive, and on demand."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import grpc
import nats
import pytest
from api_server import CONFIGURATION, Api, refusal
from google.protobuf.duration_pb2 import Duration
from nats.aio.client import Client
from nats.aio.msg import Msg
from publishing import Attempt, batch_of, now_us

from quivive import subjects
from quivive.domain.checks import DEFAULT_SHARDS, shard_of
from quivive.domain.times import to_datetime
from quivive.domain.words import Cause, Outcome
from quivive.v1 import bus_pb2, incident_pb2, outcome_pb2, result_pb2, site_pb2

WITHIN_S = 30.0
HTTP = "sites/martin-www/checks/http"


@pytest.fixture
async def declared(api: Api) -> Api:
    await api.apply(CONFIGURATION)
    return api


@pytest.fixture
async def bus(declared: Api, nats_url: str) -> AsyncIterator[Client]:
    nc = await nats.connect(nats_url)
    deadline = asyncio.get_running_loop().time() + WITHIN_S
    while True:
        try:
            await nc.jetstream().stream_info(subjects.RESULTS_STREAM)
            break
        except nats.js.errors.NotFoundError:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.05)
    yield nc
    await nc.close()


async def publish(nc: Client, region: str, *attempts: Attempt, number: int = 1) -> None:
    subject = subjects.results(shard_of(attempts[0].check, DEFAULT_SHARDS), region)
    await nc.jetstream().publish(subject, batch_of(region, attempts, number=number).SerializeToString())


async def read(stream: Any, wanted: int) -> tuple[list[result_pb2.Result], list[str]]:
    """So many results, and the token after each message."""
    results: list[result_pb2.Result] = []
    tokens: list[str] = []
    while len(results) < wanted:
        message = await asyncio.wait_for(stream.read(), WITHIN_S)
        assert message is not grpc.aio.EOF
        tokens.append(message.resume_token)
        results += message.results
    return results, tokens


async def test_results_are_tailed_from_now_from_before_and_from_a_token(declared: Api, bus: Client) -> None:
    check = declared.check_id("martin-www")
    await publish(bus, "eu-west", Attempt(check, detail=""), number=1)
    down = Attempt(check, Outcome.DOWN, Cause.HTTP_STATUS_5XX, detail="HTTP 503")
    await publish(bus, "us-east", down, number=2)
    since = result_pb2.TailResultsRequest(parent="sites/martin-www", since=Duration(seconds=600))
    stream = declared.results.TailResults(since)
    (good, bad), tokens = await read(stream, 2)
    assert (good.check, good.region, good.outcome) == (HTTP, "eu-west", outcome_pb2.OUTCOME_UP)
    assert (bad.region, bad.detail, bad.address) == ("us-east", "HTTP 503", "192.0.2.7:443")
    await publish(bus, "eu-west", Attempt(check), Attempt(check + 1), number=3)
    (third,), _ = await read(stream, 1)
    assert third.region == "eu-west"
    stream.cancel()
    resumed = declared.results.TailResults(result_pb2.TailResultsRequest(parent=HTTP, resume_token=tokens[-1]))
    assert (await read(resumed, 1))[0] == [third]
    resumed.cancel()
    failing = declared.results.TailResults(
        result_pb2.TailResultsRequest(parent="customers/martin", failing_only=True, since=Duration(seconds=600))
    )
    assert (await read(failing, 1))[0] == [bad]
    failing.cancel()
    old = result_pb2.TailResultsRequest(parent="sites/martin-www", resume_token="WyJyZXN1bHRzIiwgOTk5OTk5XQ")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await declared.results.TailResults(old).read()
    assert refusal(caught.value).reason == "RESUME_TOKEN_TOO_OLD"


async def test_stored_results_are_listed_the_newest_first(declared: Api) -> None:
    check, now = declared.check_id("martin-www"), to_datetime(now_us() // 1_000_000 * 1_000_000)
    declared.rows("SELECT quivive.make_partition(%s)", (now - timedelta(days=1)).date())
    declared.rows("SELECT quivive.make_partition(%s)", now.date())
    for n in range(6):
        slot = now - timedelta(seconds=30 * n + 5)
        declared.rows(
            "INSERT INTO quivive.results (check_id, slot, end_time, revision, dns, connect, tls, first_byte, transfer, region,"
            " attempt, outcome, cause, http_status) SELECT %s, %s, %s, 1, 1, 2, 3, 4, 5, region_id, 0, %s, 0, 200"
            " FROM quivive.regions WHERE name = %s",
            *(check, slot, slot, 2 if n == 3 else 1, "eu-west" if n % 2 else "us-east"),
        )

    async def listed(**fields: Any) -> list[result_pb2.Result]:
        found: list[result_pb2.Result] = []
        token = ""
        while True:
            request = result_pb2.ListResultsRequest(parent="sites/martin-www", page_token=token, **fields)
            page = await declared.results.ListResults(request)
            found += page.results
            token = page.next_page_token
            if not token:
                return found

    everything = await listed(page_size=4)
    assert len(everything) == 6
    assert [one.slot.seconds for one in everything] == sorted((one.slot.seconds for one in everything), reverse=True)
    assert everything == await listed()
    assert everything[0].transfer.ToMicroseconds() == 500
    assert {one.region for one in await listed(region="eu-west")} == {"eu-west"}
    assert [one.outcome for one in await listed(failing_only=True)] == [outcome_pb2.OUTCOME_DOWN]


async def test_check_now_asks_each_region_and_says_who_kept_silent(declared: Api, bus: Client) -> None:
    check = declared.check_id("martin-www")

    async def answer(message: Msg) -> None:
        asked = bus_pb2.ConfirmRequest.FromString(message.data)
        region = message.subject.rpartition(".")[2]
        await publish(bus, region, Attempt(asked.check, attempt=asked.first_attempt, slot_us=asked.slot_us))

    for region in ("eu-west", "us-east"):
        await bus.subscribe(subjects.confirm(region), cb=answer)
    await bus.flush()
    found = await declared.sites.CheckNow(
        site_pb2.CheckNowRequest(name="sites/martin-www", wait=Duration(seconds=3)), timeout=20
    )
    assert {result.region for result in found.results} == {"eu-west", "us-east"}
    assert list(found.silent_regions) == ["ap-south"]
    assert {result.check for result in found.results} == {HTTP}
    assert check > 0
    await declared.sites.PauseSite(site_pb2.PauseSiteRequest(name="sites/martin-www"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await declared.sites.CheckNow(site_pb2.CheckNowRequest(name="sites/martin-www"))
    assert refusal(caught.value).reason == "PAUSED"


async def test_incidents_are_found_by_what_is_said_of_them(declared: Api) -> None:
    start = to_datetime(now_us()) - timedelta(hours=1)
    declared.incident("martin-www", "open-1", start)
    declared.incident("martin-www", "over-1", start - timedelta(days=1), start, cause=Cause.TCP_REFUSED)

    async def found(**fields: Any) -> list[str]:
        answer = await declared.incidents.ListIncidents(incident_pb2.ListIncidentsRequest(**fields))
        return [incident.name.removeprefix("incidents/") for incident in answer.incidents]

    assert await found(filter="state = OPEN") == ["open-1"]
    assert await found(filter="cause = TCP_REFUSED AND state != OPEN") == ["over-1"]
    assert await found(filter="site = sites/martin-www AND acknowledged = false") == ["open-1", "over-1"]
    assert await found(filter="customer != martin") == []
    assert await found(filter="tag = none") == []
    assert await found(skip=1) == ["over-1"]
    assert await found(start_time=start - timedelta(minutes=1)) == ["open-1"]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await found(filter="cause = SUNSPOTS")
    assert refusal(caught.value).reason == "BAD_FILTER"
