"""Watching: a snapshot, then every change once, through the deaths of the api; and who reads too slowly is cut."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import psycopg
import pytest
from api_server import CONFIGURATION, Api, channel_to, refusal
from psycopg import AsyncConnection

from api.database import Database
from api.streams.feed import Batch, Feed, Watcher
from api.streams.snapshots import Place, Snapshot, decode, encode
from quivive.embedded.places import free_port
from quivive.tokens import new_token
from quivive.v1 import incident_pb2, incident_pb2_grpc, site_pb2

START = datetime(2026, 3, 1, tzinfo=UTC)
WITHIN_S = 60.0

CONFIGURED = {
    **CONFIGURATION,
    "sites": [
        {
            "id": f"site-{n}",
            "customer": "martin",
            "url": f"https://site-{n}.example/",
            "tags": ["even" if n % 2 == 0 else "odd"],
        }
        for n in range(6)
    ],
}


@pytest.fixture
async def watched(api: Api) -> Api:
    await api.apply(CONFIGURED)
    return api


async def until_changes(stream: Any, wanted: int) -> tuple[list[site_pb2.SiteChange], str]:
    """So many changes, and the last token."""
    changes: list[site_pb2.SiteChange] = []
    token = ""
    while len(changes) < wanted:
        message = await asyncio.wait_for(stream.read(), WITHIN_S)
        assert message is not grpc.aio.EOF
        token = message.resume_token or token
        changes += message.changes.changes
    return changes, token


async def snapshot(stream: Any) -> tuple[list[site_pb2.Site], str]:
    sites = []
    while True:
        message = await asyncio.wait_for(stream.read(), WITHIN_S)
        if message.HasField("snapshot_end"):
            assert message.snapshot_end.size == len(sites)
            return sites, message.resume_token
        sites.append(message.site)


def turn(api: Api, site: str, minute: int, state: int) -> None:
    """Record that the site's check is in another state from a minute on."""
    check, at = api.check_id(site), START + timedelta(minutes=minute)
    with psycopg.connect(api.database_url) as connection:
        connection.execute(
            "UPDATE quivive.state_intervals SET end_time = %s WHERE check_id = %s AND end_time IS NULL", (at, check)
        )
        connection.execute(
            "INSERT INTO quivive.state_intervals (check_id, start_time, state, reason) VALUES (%s, %s, %s, 'test')",
            (check, at, state),
        )


async def test_a_snapshot_comes_first_and_then_what_happens(watched: Api) -> None:
    stream = watched.sites.WatchSites(site_pb2.WatchSitesRequest())
    sites, _ = await snapshot(stream)
    assert [site.name for site in sites] == [f"sites/site-{n}" for n in range(6)]
    turn(watched, "site-3", 1, 3)
    turn(watched, "site-3", 2, 1)
    await watched.sites.PauseSite(site_pb2.PauseSiteRequest(name="sites/site-4"))
    await watched.sites.DeleteSite(site_pb2.DeleteSiteRequest(name="sites/site-5"))
    changes, _ = await until_changes(stream, 4)
    assert [(change.kind, change.site, change.state) for change in changes] == [
        ("state.changed", "sites/site-3", 3),
        ("state.changed", "sites/site-3", 1),
        ("declared", "sites/site-4", 0),
        ("deleted", "sites/site-5", 0),
    ]
    assert changes[0].check == "sites/site-3/checks/http"
    assert changes[2].current.paused
    assert not changes[3].HasField("current")
    stream.cancel()


async def test_a_filter_leaves_out_others(watched: Api) -> None:
    stream = watched.sites.WatchSites(site_pb2.WatchSitesRequest(filter="tag = odd"))
    sites, _ = await snapshot(stream)
    assert [site.name for site in sites] == ["sites/site-1", "sites/site-3", "sites/site-5"]
    for n in range(6):
        turn(watched, f"site-{n}", 1, 3)
    changes, _ = await until_changes(stream, 3)
    assert [change.site for change in changes] == ["sites/site-1", "sites/site-3", "sites/site-5"]
    stream.cancel()


async def test_a_transaction_that_commits_later_is_not_missed(watched: Api) -> None:
    """Its change has the lower number, and is seen after the higher one."""
    insert = "INSERT INTO quivive.changes (topic, key, kind, time, site_id) VALUES ('site', %s, 'declared', now(), %s)"
    async with await AsyncConnection.connect(watched.database_url) as slow:
        ready = watched.sites.WatchSites(site_pb2.WatchSitesRequest())
        _, token = await snapshot(ready)
        ready.cancel()
        await slow.execute(insert, ("early", "site-1"))
        watched.rows(insert, "late", "site-2")
        stream = watched.sites.WatchSites(site_pb2.WatchSitesRequest(resume_token=token))
        changes, token = await until_changes(stream, 1)
        assert [change.key for change in changes] == ["late"]
        await slow.commit()
    changes, _ = await until_changes(stream, 1)
    assert [change.key for change in changes] == ["early"]
    stream.cancel()
    again = watched.sites.WatchSites(site_pb2.WatchSitesRequest(resume_token=token))
    changes, _ = await until_changes(again, 1)
    assert [change.key for change in changes] == ["early"]
    again.cancel()


async def test_incidents_are_watched_likewise(watched: Api) -> None:
    watched.incident("site-1", "open-1", START)
    watched.incident("site-2", "over-1", START, START + timedelta(minutes=5))
    stream = watched.incidents.WatchIncidents(incident_pb2.WatchIncidentsRequest())
    first = await asyncio.wait_for(stream.read(), WITHIN_S)
    assert first.incident.name == "incidents/open-1"
    assert (await stream.read()).snapshot_end.size == 1
    await watched.incidents.AcknowledgeIncident(
        incident_pb2.AcknowledgeIncidentRequest(name="incidents/open-1", person="alice", comment="On it.")
    )
    kinds: list[str] = []
    while len(kinds) < 2:
        message = await asyncio.wait_for(stream.read(), WITHIN_S)
        kinds += [change.kind for change in message.changes.changes]
    assert kinds == ["acknowledged", "commented"]
    stream.cancel()


@pytest.mark.parametrize(
    ("token", "code", "reason"),
    [
        ("nonsense", "INVALID_ARGUMENT", "BAD_RESUME_TOKEN"),
        (encode(Place(Snapshot(10, 10, frozenset())), "site"), "OUT_OF_RANGE", "RESUME_TOKEN_TOO_OLD"),
        (encode(Place(Snapshot(2**60, 2**60, frozenset())), "site"), "OUT_OF_RANGE", "RESUME_TOKEN_TOO_OLD"),
        (encode(Place(Snapshot(10, 10, frozenset())), "incident"), "INVALID_ARGUMENT", "BAD_RESUME_TOKEN"),
    ],
)
async def test_a_token_that_leads_nowhere_is_refused(watched: Api, token: str, code: str, reason: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await watched.sites.WatchSites(site_pb2.WatchSitesRequest(resume_token=token)).read()
    answer = refusal(caught.value)
    assert (answer.code.name, answer.reason) == (code, reason)


def test_a_place_survives_its_token() -> None:
    seen = Snapshot(7, 12, frozenset((8, 9)))
    for place in (Place(seen), Place(seen, Snapshot(8, 20, frozenset((9,))), 4711)):
        assert decode(encode(place, "site"), "site") == place
    assert [xid for xid in range(5, 14) if seen.sees(xid)] == [5, 6, 7, 10, 11]


async def test_a_watcher_that_does_not_read_is_cut_and_costs_no_memory() -> None:
    watcher = Watcher()
    batch = Batch([object()] * 1000, Snapshot(1, 1, frozenset()))  # type: ignore[list-item]
    for _ in range(200):
        watcher.offer(batch)
    with pytest.raises(Exception, match="faster than they were read"):
        await watcher.next(1)
    assert not watcher._waiting


async def test_a_feed_without_watchers_asks_the_database_nothing(watched: Api) -> None:
    database = Database(watched.database_url)
    await database.open()
    feed = Feed(database)
    running = asyncio.create_task(feed.run())
    steps = feed.watch(None)
    assert not (await anext(steps)).batch.changes
    turning = asyncio.create_task(anext(steps))
    await asyncio.sleep(0.1)
    turn(watched, "site-1", 1, 3)
    step = await asyncio.wait_for(turning, WITHIN_S)
    assert [change.kind for change in step.batch.changes] == ["state.changed"]
    await steps.aclose()  # type: ignore[attr-defined]
    while feed._at is not None:  # noqa: ASYNC110  nobody waits for it but this test
        await asyncio.sleep(0.01)
    running.cancel()
    await database.close()


@asynccontextmanager
async def replica(database_url: str, nats_url: str, token: str, port: int) -> AsyncIterator[subprocess.Popen[bytes]]:
    """An api as a process, to be killed."""
    environment = {
        **os.environ,
        "QUIVIVE_DATABASE_URL": database_url,
        "QUIVIVE_NATS_URL": nats_url,
        "QUIVIVE_GRPC_PORT": str(port),
        "QUIVIVE_HTTP_PORT": "0",
        "QUIVIVE_OPERATOR_TOKEN": token,
        "QUIVIVE_LOG_LEVEL": "ERROR",
    }
    process = subprocess.Popen([sys.executable, "-m", "api"], env=environment)  # noqa: ASYNC220  it is there at once
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def watch_through(ports: list[int], token: str, wanted: int, seen: list[str], started: asyncio.Event) -> None:
    """Watch, at whichever replica answers, until so many incident events were told of; resume by the token after every loss."""
    place, turn_ = "", 0
    while len(seen) < wanted:
        turn_ += 1
        async with channel_to(f"127.0.0.1:{ports[turn_ % len(ports)]}", token) as channel:
            stub = incident_pb2_grpc.IncidentServiceStub(channel)
            try:
                stream = stub.WatchIncidents(incident_pb2.WatchIncidentsRequest(resume_token=place))
                while len(seen) < wanted:
                    message = await asyncio.wait_for(stream.read(), WITHIN_S)
                    place = message.resume_token or place
                    if message.HasField("snapshot_end"):
                        started.set()
                    seen += [change.key for change in message.changes.changes]
            except grpc.aio.AioRpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                    raise
                await asyncio.sleep(0.05)


async def test_killed_and_restarted_replicas_lose_no_change_and_repeat_none(watched: Api, nats_url: str) -> None:
    """Two real processes, killed in turns while events are recorded, some in transactions that overlap."""
    token, ports = str(new_token()), [free_port(), free_port()]
    wanted = 240
    watched.incident("site-1", "long-1", START)
    seen: list[list[str]] = [[] for _ in range(3)]
    started = [asyncio.Event() for _ in seen]

    async def write() -> None:
        async with (
            await AsyncConnection.connect(watched.database_url) as one,
            await AsyncConnection.connect(watched.database_url) as other,
        ):
            columns = "event_key, incident_id, time, kind"
            insert = f"INSERT INTO quivive.incident_events ({columns}) VALUES (%s, 'long-1', now(), 'noted')"
            for n in range(wanted // 2):
                await one.execute(insert, (f"event-{n}-one",))
                await other.execute(insert, (f"event-{n}-other",))
                # The later number is seen first.
                await other.commit()
                await asyncio.sleep(0.02)
                await one.commit()

    async def kill(processes: list[subprocess.Popen[bytes]]) -> None:
        for process in processes:
            await asyncio.sleep(1.0)
            process.send_signal(signal.SIGKILL)
            process.wait()

    async with replica(watched.database_url, nats_url, token, ports[0]) as first:  # noqa: SIM117  one is followed by another
        async with replica(watched.database_url, nats_url, token, ports[1]) as second:
            watching = [
                asyncio.create_task(watch_through(ports, token, wanted, keys, event))
                for keys, event in zip(seen, started, strict=True)
            ]
            await asyncio.wait_for(asyncio.gather(*(event.wait() for event in started)), WITHIN_S)
            writing = asyncio.create_task(write())
            await kill([first])
            async with replica(watched.database_url, nats_url, token, ports[0]):
                await kill([second])
                await writing
                await asyncio.wait_for(asyncio.gather(*watching), WITHIN_S)
    expected = {f"event-{n}-{who}" for n in range(wanted // 2) for who in ("one", "other")}
    for keys in seen:
        assert len(keys) == len(set(keys))
        assert set(keys) == expected
