"""Several aggregators on one broker and one database: how they share, and what becomes of what one of them had in hand."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from declaring import REGIONS, declare, rows
from publishing import AggregatorProcess, Attempt, Publisher, eventually, now_us

from aggregator import database
from aggregator.leases import Fenced, Leases, session_name
from aggregator.migrate import migrate
from aggregator.reports import Report
from quivive.domain.checks import DEFAULT_SHARDS, shard_of
from quivive.domain.words import State

SITES = 12
INTERVAL_US = 120_000_000
"""No vote grows old meanwhile."""
REPLACED_WITHIN_S = 10.0

Start = Callable[[str], AggregatorProcess]


@pytest.fixture
def checks(migrated_url: str) -> list[int]:
    return declare(migrated_url, sites=SITES, interval_us=INTERVAL_US)


@pytest.fixture
async def publisher(nats_url: str) -> AsyncIterator[Publisher]:
    publisher = await Publisher.connect(nats_url)
    async with lively_regions(publisher):
        yield publisher
    await publisher.close()


@pytest.fixture
def start(tmp_path: Path, migrated_url: str, checks: list[int], nats_url: str) -> Iterator[Start]:
    """Starts one more aggregator of that name."""
    running: list[AggregatorProcess] = []

    def start_one(name: str) -> AggregatorProcess:
        running.append(AggregatorProcess(tmp_path / f"{name}.log", migrated_url, nats_url).start())
        return running[-1]

    yield start_one
    for process in running:
        with suppress(ProcessLookupError):
            process.signal(signal.SIGCONT)
        process.kill()


def shares(url: str) -> list[int]:
    """How many shards each aggregator owns, the first to come first; free ones are in none."""
    query = """SELECT (SELECT count(*) FROM quivive.shards WHERE owner = aggregator)
               FROM quivive.aggregators ORDER BY start_time, aggregator"""
    return [count for (count,) in rows(url, query)]


def moves(url: str) -> int:
    """How often any shard has found a new owner."""
    ((epochs,),) = rows(url, "SELECT sum(epoch)::integer FROM quivive.shards")
    return int(epochs)


def results(url: str) -> int:
    ((count,),) = rows(url, "SELECT count(*) FROM quivive.results")
    return int(count)


def state(url: str, check: int) -> State | None:
    query = "SELECT state FROM quivive.state_intervals WHERE check_id = %s AND end_time IS NULL"
    found = rows(url, query, check)
    return State(found[0][0]) if found else None


def checks_of(url: str, checks: list[int], place: int) -> list[int]:
    """The checks whose shards belong to the aggregator that came at this place."""
    query = """SELECT shard FROM quivive.shards
               WHERE owner = (SELECT aggregator FROM quivive.aggregators ORDER BY start_time, aggregator OFFSET %s LIMIT 1)"""
    owned = {shard for (shard,) in rows(url, query, place)}
    return [check for check in checks if shard_of(check, DEFAULT_SHARDS) in owned]


@asynccontextmanager
async def lively_regions(publisher: Publisher) -> AsyncIterator[None]:
    """Every region shows signs of life."""

    async def live() -> None:
        while True:
            for region in REGIONS:
                await publisher.presence(region)
            await asyncio.sleep(2)

    alive = asyncio.create_task(live())
    try:
        yield
    finally:
        alive.cancel()


async def everything_is_up(publisher: Publisher, url: str, checks: list[int]) -> None:
    for check in checks:
        await publisher.up(check, *REGIONS, ago_us=3_000_000)
    await eventually(lambda: all(state(url, check) is State.UP for check in checks), "UP")
    await eventually(lambda: results(url) == len(checks) * len(REGIONS), "all of their results")


async def test_aggregators_share_the_shards_evenly_and_leave_them_where_they_are(
    migrated_url: str, publisher: Publisher, start: Start
) -> None:
    for names, expected in (("a", [16]), ("b", [8, 8]), ("c", [6, 5, 5]), ("d", [4, 4, 4, 4])):
        newest = start(names)
        await eventually(lambda expected=expected: shares(migrated_url) == expected, f"shares {expected}")
    assert moves(migrated_url) == 16 + 8 + 5 + 4, "no shard moved without need"
    code, _ = await asyncio.to_thread(newest.stop)
    assert code == 0
    await eventually(lambda: shares(migrated_url) == [6, 5, 5], "the shards of one that was stopped", 5)
    assert moves(migrated_url) == 16 + 8 + 5 + 4 + 4


async def test_one_that_is_killed_is_replaced_with_its_votes(
    migrated_url: str, checks: list[int], publisher: Publisher, start: Start
) -> None:
    first, _ = start("first"), await eventually(lambda: shares(migrated_url) == [16], "one owner")
    start("second")
    await eventually(lambda: shares(migrated_url) == [8, 8], "two owners")
    await everything_is_up(publisher, migrated_url, checks)
    (check, *_) = checks_of(migrated_url, checks, 0)
    before = results(migrated_url)
    await publisher.outage(check, "eu-west")
    await eventually(lambda: results(migrated_url) == before + 2, "the first region's failures")
    first.kill()
    await publisher.outage(check, "us-east")
    await eventually(lambda: state(migrated_url, check) is State.DOWN, "DOWN", REPLACED_WITHIN_S)
    assert shares(migrated_url) == [16]
    assert rows(migrated_url, "SELECT check_id, regions FROM quivive.incidents") == [(check, ["eu-west", "us-east"])]
    assert results(migrated_url) == before + 4


WRITING = """SELECT pid FROM pg_stat_activity
             WHERE application_name = 'quivive aggregator writer' AND query LIKE 'COPY staged%' AND state = 'active'
               AND pid = (SELECT writer_pid FROM quivive.aggregators ORDER BY start_time LIMIT 1)"""


async def stopped_inside_a_copy(aggregator: AggregatorProcess, url: str, publisher: Publisher, check: int) -> int:
    """Stop the process while the database waits for the rest of a COPY; the session's number."""
    slot_us = now_us() - 60_000_000
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(400):
            await publisher.results("eu-west", *(Attempt(check, attempt=-1, slot_us=slot_us + n) for n in range(4000)))
            for _ in range(300):
                if connection.execute(WRITING).fetchone():
                    aggregator.signal(signal.SIGSTOP)
                    await asyncio.sleep(0.3)  # what it had sent arrives
                    if caught := connection.execute(WRITING).fetchone():
                        return int(caught[0])
                    aggregator.signal(signal.SIGCONT)
    raise AssertionError("it was never caught inside a COPY")


async def test_one_that_is_stopped_inside_a_copy_delays_nobody_and_writes_nothing_when_it_wakes(
    migrated_url: str, checks: list[int], publisher: Publisher, start: Start
) -> None:
    first, _ = start("first"), await eventually(lambda: shares(migrated_url) == [16], "one owner")
    second = start("second")
    await eventually(lambda: shares(migrated_url) == [8, 8], "two owners")
    await everything_is_up(publisher, migrated_url, checks)
    (check, *_), (others, *_) = checks_of(migrated_url, checks, 0), checks_of(migrated_url, checks, 1)
    session = await stopped_inside_a_copy(first, migrated_url, publisher, check)

    await publisher.outage(check, "eu-west", "us-east")
    await publisher.outage(others, "eu-west", "us-east")
    await eventually(lambda: state(migrated_url, others) is State.DOWN, "the other's shards are decided as ever", 5)
    await eventually(lambda: state(migrated_url, check) is State.DOWN, "the stopped one's shards", REPLACED_WITHIN_S)
    assert shares(migrated_url) == [16]
    assert rows(migrated_url, "SELECT count(*) FROM pg_stat_activity WHERE pid = %s", session) == [(0,)]

    stored = results(migrated_url)
    first.signal(signal.SIGCONT)
    await eventually(lambda: first.exit_code is not None, "the end of the stopped one")
    assert first.exit_code == 1
    assert first.says("aggregator.fenced")
    assert results(migrated_url) == stored
    assert second.exit_code is None
    start("first")
    await eventually(lambda: shares(migrated_url) == [8, 8], "it is back with its share")


RECORD = """
    SELECT check_id, incident_id, start_time, confirm_time, resolve_time, close_reason, cause, regions, NULL::smallint
    FROM quivive.incidents
    UNION ALL
    SELECT check_id, incident_id, start_time, NULL, end_time, reason, NULL, NULL, state FROM quivive.state_intervals
    ORDER BY 1, 3, 9, 2
"""


async def test_whoever_takes_over_decides_as_one_that_was_never_disturbed(
    migrated_url: str,
    checks: list[int],
    publisher: Publisher,
    start: Start,
    nats_url: str,
    tmp_path: Path,
) -> None:
    rows(migrated_url, "UPDATE quivive.checks SET create_time = date_trunc('hour', now()) - interval '1 hour'")
    running = {name: start(name) for name in ("a", "b")}
    await eventually(lambda: sorted(shares(migrated_url)) == [8, 8], "two owners")
    await everything_is_up(publisher, migrated_url, checks)
    for number, check in enumerate(checks):
        victim = "ab"[number % 2]
        await publisher.outage(check, "eu-west")
        if number % 3 == 0:  # killed between the votes, and started again
            running[victim].kill()
            running[victim] = start(victim)
        elif number % 3 == 1:  # stopped in order: it hands over
            await asyncio.to_thread(running[victim].stop)
            running[victim] = start(victim)
        await publisher.outage(check, "us-east")
    await eventually(lambda: all(state(migrated_url, check) is State.DOWN for check in checks), "DOWN", 30)
    running["a"].kill()
    for check in checks:
        await publisher.up(check, *REGIONS)
    await eventually(lambda: all(state(migrated_url, check) is State.UP for check in checks), "UP again", 30)
    running["b"].kill()

    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE undisturbed_run")
    quiet_url = migrated_url.rpartition("/")[0] + "/undisturbed_run"
    try:
        migrate(quiet_url)
        declare(quiet_url, sites=SITES, interval_us=INTERVAL_US)
        rows(quiet_url, "UPDATE quivive.checks SET create_time = date_trunc('hour', now()) - interval '1 hour'")
        quiet = AggregatorProcess(tmp_path / "quiet.log", quiet_url, nats_url).start()
        await eventually(lambda: results(quiet_url) == results(migrated_url), "all results")
        quiet.kill()
        assert rows(migrated_url, RECORD) == rows(quiet_url, RECORD)
        assert len(rows(migrated_url, "SELECT incident_id FROM quivive.incidents")) == SITES
    finally:
        rows(migrated_url, "DROP DATABASE undisturbed_run WITH (FORCE)")


async def test_burying_ends_every_session_of_the_dead_and_nobody_elses(migrated_url: str) -> None:
    dead, living = Leases(migrated_url, "host/1/dead", 16), Leases(migrated_url, "host/2/living", 16)
    for leases in (dead, living):
        await leases.join()
    hanging = await database.connect(migrated_url, session_name(dead.name))
    working = await database.connect(migrated_url, session_name(living.name))
    for number, connection in enumerate((hanging, working)):
        await connection.execute("BEGIN")
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [number])
    rows(migrated_url, "UPDATE quivive.aggregators SET lease_expire_time = now() WHERE aggregator = %s", dead.name)
    assert await living.bury() == [dead.name]
    assert rows(migrated_url, "SELECT pg_try_advisory_lock(0), pg_try_advisory_lock(1)") == [(True, False)]
    with pytest.raises(Fenced):
        await dead.renew(Report())
    for closing in (dead, living, hanging, working):
        await closing.close()
