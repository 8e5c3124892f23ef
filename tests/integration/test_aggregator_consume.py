"""A whole aggregator on a real broker and a real database, through crashes of each."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from declaring import REGIONS, declare, declare_channel, rows
from publishing import AggregatorProcess, Attempt, Publisher, eventually, now_us
from receivers import MailSink
from servers import NatsServer, PostgresServer

from aggregator.migrate import migrate
from quivive import subjects
from quivive.bus import Mirror, ensure_streams
from quivive.domain.checks import DEFAULT_SHARDS, shard_of
from quivive.domain.times import to_us
from quivive.domain.words import Outcome, State
from quivive.embedded.places import free_port
from quivive.v1 import bus_pb2

CHECK = 101
SHARD = shard_of(CHECK, DEFAULT_SHARDS)


@pytest.fixture
def url(migrated_url: str) -> str:
    declare(migrated_url)
    return migrated_url


@pytest.fixture
async def publisher(nats_url: str) -> AsyncIterator[Publisher]:
    publisher = await Publisher.connect(nats_url)
    yield publisher
    await publisher.close()


@pytest.fixture
def aggregator(tmp_path: Path, url: str, nats_url: str) -> Iterator[AggregatorProcess]:
    process = AggregatorProcess(tmp_path / "aggregator.log", url, nats_url)
    yield process
    process.kill()


def results(url: str) -> int:
    ((count,),) = rows(url, "SELECT count(*) FROM quivive.results")
    return int(count)


def states(url: str) -> list[State]:
    """The life of the check, one state after the other."""
    query = "SELECT state FROM quivive.state_intervals WHERE check_id = %s ORDER BY start_time"
    return [State(state) for (state,) in rows(url, query, CHECK)]


def incidents(url: str) -> list[tuple[str, bool]]:
    """Ids, and whether it is over."""
    return rows(url, "SELECT incident_id, resolve_time IS NOT NULL FROM quivive.incidents")


async def all_is_well(publisher: Publisher) -> None:
    """Every region is heard, and found the site up a while ago."""
    for region in REGIONS:
        await publisher.presence(region)
    await publisher.up(CHECK, *REGIONS, ago_us=3_000_000)


async def test_an_outage_is_confirmed_by_two_regions_and_resolved_by_two(
    url: str, publisher: Publisher, aggregator: AggregatorProcess
) -> None:
    aggregator.start()
    await all_is_well(publisher)
    await eventually(lambda: states(url)[-1:] == [State.UP], "UP")
    await publisher.outage(CHECK, "eu-west", "us-east")
    await eventually(lambda: states(url)[-1:] == [State.DOWN], "DOWN")
    ((detail, regions, start, confirm),) = rows(
        url, "SELECT detail, regions, start_time, confirm_time FROM quivive.incidents"
    )
    assert (detail, regions) == ("connection refused by 192.0.2.7:443", ["eu-west", "us-east"])
    assert start < confirm
    await publisher.up(CHECK, *REGIONS)
    await eventually(lambda: states(url)[-1:] == [State.UP], "UP again")
    assert [over for _, over in incidents(url)] == [True]
    assert states(url) == [State.UNKNOWN, State.UP, State.DOWN, State.UP]
    await eventually(lambda: results(url) == 10, "all results")


async def test_one_region_alone_makes_no_incident_and_asks_the_others(
    url: str, nats_server: NatsServer, publisher: Publisher, aggregator: AggregatorProcess
) -> None:
    asked: list[bus_pb2.ConfirmRequest] = []

    async def listen(message: object) -> None:
        asked.append(bus_pb2.ConfirmRequest.FromString(message.data))  # type: ignore[attr-defined]

    await publisher.nc.subscribe("quivive.confirm.us-east", cb=listen)
    aggregator.start()
    await all_is_well(publisher)
    await eventually(lambda: states(url)[-1:] == [State.UP], "UP")
    await publisher.outage(CHECK, "eu-west")
    await eventually(lambda: asked, "a request to confirm")
    assert asked[0].check == CHECK
    assert asked[0].first_attempt == 10
    await eventually(lambda: results(url) == 5, "all results")
    assert incidents(url) == []


async def test_what_cannot_be_taken_is_set_aside_and_stops_nothing(
    url: str, publisher: Publisher, aggregator: AggregatorProcess
) -> None:
    aggregator.start()
    await publisher.raw(SHARD, "eu-west", b"\xff\xff not a batch")
    await publisher.raw("not-a-shard", "eu-west", b"")
    await publisher.raw(999, "eu-west", b"")
    await publisher.results("eu-west", Attempt(CHECK, slot_us=now_us() - 4 * 86_400_000_000))
    await publisher.results("mars", Attempt(CHECK))
    await publisher.results("mars", Attempt(CHECK))
    await publisher.results("eu-west", Attempt(CHECK))
    await eventually(lambda: results(url) == 1, "the good result")
    reasons = [reason for (reason,) in rows(url, "SELECT reason FROM quivive.poison ORDER BY sequence")]
    assert [reason.split(":")[0] for reason in reasons] == [
        "not a ResultBatch",
        "there is no shard not-a-shard",
        "there is no shard 999",
        "a slot more than 3 days old",
        "nobody declared region mars",
        "nobody declared region mars",
    ]
    assert rows(url, "SELECT region, kind FROM quivive.region_events") == [("mars", "refused")]


async def test_results_of_checks_that_nobody_knows_are_not_stored(
    url: str, publisher: Publisher, aggregator: AggregatorProcess
) -> None:
    stranger = next(number for number in range(500, 9999) if shard_of(number, DEFAULT_SHARDS) == SHARD)
    aggregator.start()
    await publisher.results("eu-west", Attempt(stranger), Attempt(CHECK))
    await eventually(lambda: results(url) == 1, "the known check's result")
    assert rows(url, "SELECT check_id FROM quivive.results") == [(CHECK,)]


async def test_a_check_that_was_declared_just_now_loses_no_result(
    url: str, publisher: Publisher, aggregator: AggregatorProcess
) -> None:
    aggregator.start()
    await publisher.up(CHECK, "eu-west")
    await eventually(lambda: results(url) == 1, "a first result")
    await eventually(lambda: aggregator.says("policies.loaded"), "policies")
    rows(
        url,
        "WITH c AS (INSERT INTO quivive.checks (check_id, site_id, name, type, critical, revision)"
        " VALUES (102, 'site-1', 'more', 'http', true, 1) RETURNING check_id),"
        " r AS (INSERT INTO quivive.check_revisions SELECT check_id, 1, %s, 3000000, 2000000, 2, '', '' FROM c)"
        " UPDATE quivive.configuration SET revision = revision + 1",
        list(REGIONS),
    )
    await publisher.up(102, "eu-west")
    await eventually(lambda: results(url) == 2, "the new check's result")


async def test_a_crash_in_the_middle_of_an_outage_changes_nothing(
    url: str, publisher: Publisher, aggregator: AggregatorProcess
) -> None:
    aggregator.start()
    await all_is_well(publisher)
    await eventually(lambda: states(url)[-1:] == [State.UP], "UP")
    await publisher.outage(CHECK, "eu-west")
    await eventually(lambda: results(url) == 5, "the first region's failures")
    aggregator.kill()
    await publisher.outage(CHECK, "us-east")
    aggregator.start()
    await eventually(lambda: states(url)[-1:] == [State.DOWN], "DOWN")
    ((first, _),) = incidents(url)
    aggregator.kill()
    await publisher.up(CHECK, *REGIONS)
    aggregator.start()
    await eventually(lambda: states(url)[-1:] == [State.UP], "UP again")
    assert incidents(url) == [(first, True)]
    assert results(url) == 10


async def test_the_database_killed_in_the_middle_loses_and_doubles_nothing(
    tmp_path: Path, nats_url: str, publisher: Publisher, postgres_server: PostgresServer
) -> None:
    url = postgres_server.url
    migrate(url)
    declare(url)
    aggregator = AggregatorProcess(tmp_path / "aggregator.log", url, nats_url).start()
    try:
        await all_is_well(publisher)
        await eventually(lambda: states(url)[-1:] == [State.UP], "UP")
        await asyncio.to_thread(postgres_server.kill)
        await publisher.outage(CHECK, "eu-west", "us-east")
        await eventually(lambda: aggregator.says("retry_scheduled"), "a failed commit")
        await asyncio.to_thread(postgres_server.start)
        await eventually(lambda: states(url)[-1:] == [State.DOWN], "DOWN", 30)
        assert results(url) == 7
        assert len(incidents(url)) == 1
        assert aggregator.exit_code is None
    finally:
        aggregator.kill()


async def test_the_broker_killed_in_the_middle_loses_and_doubles_nothing(
    url: str, nats_server: NatsServer, publisher: Publisher, aggregator: AggregatorProcess
) -> None:
    aggregator.start()
    await all_is_well(publisher)
    await eventually(lambda: states(url)[-1:] == [State.UP], "UP")
    await asyncio.to_thread(nats_server.kill)
    await asyncio.to_thread(nats_server.start)
    await eventually(lambda: publisher.nc.is_connected, "a reconnection")
    await publisher.outage(CHECK, "eu-west", "us-east")
    await eventually(lambda: states(url)[-1:] == [State.DOWN], "DOWN")
    assert results(url) == 7
    # What the broker kept in memory only is made anew.
    await eventually(lambda: aggregator.says("bus.reconnected"), "the aggregator's reconnection")
    bucket = Mirror(publisher.nc, "quivive_presence")
    await asyncio.wait_for(bucket.changes(), 10)
    await bucket.close()


async def test_whoever_is_displaced_ends_and_records_nothing_more(
    tmp_path: Path, url: str, nats_url: str, publisher: Publisher, aggregator: AggregatorProcess
) -> None:
    aggregator.start()
    await publisher.results("eu-west", Attempt(CHECK))
    await eventually(lambda: results(url) == 1, "a first result")
    aggregator.signal(signal.SIGSTOP)
    other = AggregatorProcess(tmp_path / "other.log", url, nats_url).start()
    try:
        await publisher.results("eu-west", Attempt(CHECK, attempt=1))
        await eventually(lambda: results(url) == 2, "the new owner's result")
        aggregator.signal(signal.SIGCONT)
        await publisher.results("eu-west", Attempt(CHECK, attempt=2))
        await eventually(lambda: aggregator.exit_code is not None, "the end of the old owner")
        assert aggregator.exit_code == 1
        assert aggregator.says("aggregator.fenced")
        await eventually(lambda: results(url) == 3, "the next result")
        assert other.exit_code is None
    finally:
        other.kill()


async def test_a_stop_is_quick_and_leaves_nothing_to_read_again(
    url: str, publisher: Publisher, aggregator: AggregatorProcess
) -> None:
    aggregator.start()
    await all_is_well(publisher)
    await eventually(lambda: states(url)[-1:] == [State.UP], "UP")
    code, seconds = aggregator.stop()
    assert code == 0
    assert seconds < 5
    assert rows(url, "SELECT DISTINCT position, snapshot_position FROM quivive.shards") == [(3, 3)]


async def test_a_stream_that_began_anew_is_read_from_its_beginning(
    url: str, publisher: Publisher, aggregator: AggregatorProcess
) -> None:
    rows(url, "INSERT INTO quivive.shards (shard, position, snapshot_position) SELECT generate_series(0, 15), 900, 900")
    aggregator.start()
    await publisher.results("eu-west", Attempt(CHECK))
    await eventually(lambda: results(url) == 1, "the result")
    assert aggregator.says("stream.restarted")


async def test_a_stream_that_has_outgrown_the_one_before_it_is_read_from_its_beginning(
    url: str, publisher: Publisher, aggregator: AggregatorProcess
) -> None:
    aggregator.start()
    await all_is_well(publisher)
    await eventually(lambda: results(url) == 3, "the results of the first stream")
    aggregator.stop()
    js = publisher.nc.jetstream()
    await js.delete_stream(subjects.RESULTS_STREAM)
    await ensure_streams(js)
    for _ in range(5):
        await publisher.results("eu-west", Attempt(CHECK))
    aggregator.start()
    await eventually(lambda: results(url) == 8, "all that is on the second stream")


async def test_a_deployment_made_with_other_shards_is_refused(
    url: str, nats_url: str, tmp_path: Path, aggregator: AggregatorProcess
) -> None:
    rows(url, "INSERT INTO quivive.shards (shard) SELECT generate_series(0, 7)")
    aggregator.start()
    await eventually(lambda: aggregator.exit_code is not None, "the end")
    assert aggregator.exit_code == 2
    assert aggregator.says("set QUIVIVE_SHARDS=8")


async def test_a_database_without_schema_is_refused(tmp_path: Path, database_url: str, nats_url: str) -> None:
    aggregator = AggregatorProcess(tmp_path / "aggregator.log", database_url, nats_url).start()
    await eventually(lambda: aggregator.exit_code is not None, "the end")
    assert aggregator.exit_code == 2
    assert aggregator.says("python -m aggregator migrate")


async def test_silent_regions_go_blind_and_only_operations_hear_of_it(
    url: str, nats_url: str, tmp_path: Path, publisher: Publisher
) -> None:
    mails = MailSink()
    declare_channel(url, "ops", "email", ["operations"], to=["ops@agency.example"])
    declare_channel(url, "oncall", "email", ["incidents"], to=["oncall@agency.example"])
    aggregator = AggregatorProcess(tmp_path / "aggregator.log", url, nats_url, smtp_url=mails.url).start()
    try:
        await all_is_well(publisher)
        await eventually(lambda: states(url)[-1:] == [State.UP], "UP")

        async def one_region_lives() -> None:
            while True:
                await publisher.presence("eu-west")
                await publisher.up(CHECK, "eu-west")
                await asyncio.sleep(1)

        alive = asyncio.create_task(one_region_lives())
        blind = "SELECT name FROM quivive.regions WHERE blind_time IS NOT NULL ORDER BY 1"
        await eventually(lambda: rows(url, blind) == [("ap-south",), ("us-east",)], "two blind regions", 40)
        await eventually(lambda: states(url)[-1:] == [State.UNKNOWN], "UNKNOWN")
        await eventually(lambda: len(mails.mails) == 3, "three mails to the operator")
        assert {mail.recipients for mail in mails.mails} == {("ops@agency.example",)}
        for region in REGIONS:
            await publisher.presence(region)
        await publisher.up(CHECK, *REGIONS)
        await eventually(lambda: rows(url, blind) == [], "sight")
        await eventually(lambda: states(url)[-1:] == [State.UP], "UP")
        await eventually(lambda: len(mails.mails) == 6, "the good news")
        alive.cancel()
        assert incidents(url) == []
    finally:
        aggregator.kill()
        mails.close()


async def test_a_paused_check_is_closed_with_that_reason(
    url: str, publisher: Publisher, aggregator: AggregatorProcess
) -> None:
    aggregator.start()
    await all_is_well(publisher)
    await publisher.outage(CHECK, "eu-west", "us-east")
    await eventually(lambda: states(url)[-1:] == [State.DOWN], "DOWN")
    rows(url, "UPDATE quivive.sites SET paused = true")
    rows(url, "UPDATE quivive.configuration SET revision = revision + 1")
    await eventually(lambda: states(url)[-1:] == [State.PAUSED], "PAUSED")
    assert rows(url, "SELECT close_reason FROM quivive.incidents") == [("paused",)]


async def test_watchers_hear_of_what_was_committed(
    url: str, publisher: Publisher, aggregator: AggregatorProcess
) -> None:
    told: list[bus_pb2.Event] = []

    async def listen(message: object) -> None:
        told.append(bus_pb2.Event.FromString(message.data))  # type: ignore[attr-defined]

    await publisher.nc.subscribe("quivive.events.*.site-1", cb=listen)
    aggregator.start()
    await all_is_well(publisher)
    await eventually(lambda: states(url)[-1:] == [State.UP], "UP")
    await publisher.outage(CHECK, "eu-west", "us-east")
    await eventually(lambda: any(event.kind == "incident.confirmed" for event in told), "the event")
    ((incident, confirm),) = rows(url, "SELECT incident_id, confirm_time FROM quivive.incidents")
    event = next(event for event in told if event.kind == "incident.confirmed")
    assert event.key == f"incident.confirmed/{incident}"
    assert event.incident == f"incidents/{incident}"
    assert event.check == "sites/site-1/checks/http"
    assert event.time.ToMicroseconds() == to_us(confirm)


async def test_failures_and_placeholders_are_stored_as_they_are(
    url: str, publisher: Publisher, aggregator: AggregatorProcess
) -> None:
    aggregator.start()
    await publisher.results("eu-west", Attempt(CHECK, Outcome.MISSED, attempt=-1), Attempt(CHECK, Outcome.BLOCKED))
    await eventually(lambda: results(url) == 2, "both")
    assert rows(url, "SELECT attempt, outcome FROM quivive.results ORDER BY attempt") == [(-1, 5), (0, 3)]


async def stopped(aggregator: AggregatorProcess) -> tuple[int, float]:
    return await asyncio.to_thread(aggregator.stop)


async def test_a_stop_is_quick_without_a_database(
    tmp_path: Path, nats_url: str, publisher: Publisher, postgres_server: PostgresServer
) -> None:
    migrate(postgres_server.url)
    declare(postgres_server.url)
    aggregator = AggregatorProcess(tmp_path / "aggregator.log", postgres_server.url, nats_url).start()
    try:
        await all_is_well(publisher)
        await eventually(lambda: states(postgres_server.url)[-1:] == [State.UP], "UP")
        await asyncio.to_thread(postgres_server.kill)
        await publisher.up(CHECK, *REGIONS)
        await eventually(lambda: aggregator.says("retry_scheduled"), "a failed commit")
        code, seconds = await stopped(aggregator)
        assert code == 0
        assert seconds < 5
    finally:
        aggregator.kill()


async def test_a_stop_is_quick_without_a_broker(
    url: str, nats_server: NatsServer, publisher: Publisher, aggregator: AggregatorProcess
) -> None:
    aggregator.start()
    await all_is_well(publisher)
    await eventually(lambda: states(url)[-1:] == [State.UP], "UP")
    await asyncio.to_thread(nats_server.kill)
    await eventually(lambda: aggregator.says("bus.disconnected"), "the loss")
    code, seconds = await stopped(aggregator)
    assert code == 0
    assert seconds < 5


@pytest.mark.parametrize("lacking", ["database", "broker"])
async def test_it_waits_for_what_is_not_there_yet_and_can_be_stopped_meanwhile(
    url: str, nats_url: str, tmp_path: Path, lacking: str
) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    places = {"database": (f"postgresql://u:p@{nowhere}/d", nats_url), "broker": (url, f"nats://{nowhere}")}
    aggregator = AggregatorProcess(tmp_path / "aggregator.log", *places[lacking]).start()
    try:
        await eventually(lambda: aggregator.says("health.opened"), "a start")
        code, seconds = await stopped(aggregator)
        assert (code, seconds < 5) == (0, True)
    finally:
        aggregator.kill()
