"""The evidence log on real databases: what is sealed, in which order, and that nothing can be changed afterwards."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from declaring import declare, rows
from psycopg_pool import AsyncConnectionPool

from aggregator import database
from aggregator.migrate import migrate
from aggregator.seal.sealer import Sealer
from quivive.evidence.chain import Broken, Entry, verify
from quivive.evidence.stored import read_entries

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def url(storage_url: str) -> str:
    """A migrated database with two watched sites, on each kind of server."""
    migrate(storage_url)
    declare(storage_url, sites=2)
    return storage_url


async def seal_all(url: str) -> None:
    async with database.pool(url) as pool:
        await _seal_all(pool)


async def _seal_all(pool: AsyncConnectionPool) -> None:
    while await Sealer(pool).seal_some():
        pass


def entries(url: str) -> list[Entry]:
    with psycopg.connect(url) as connection:
        return list(read_entries(connection, "martin"))


def contents(url: str) -> list[dict[str, Any]]:
    return [dict(entry.content) for entry in entries(url) if entry.content is not None]


def interval(url: str, start: datetime, end: datetime | None, state: int, check: int = 101) -> None:
    rows(
        url,
        "INSERT INTO quivive.state_intervals (check_id, start_time, end_time, state, reason) VALUES (%s, %s, %s, %s, 'votes')",
        *(check, start, end, state),
    )


def incident(url: str, name: str = "outage-1") -> None:
    rows(
        url,
        "INSERT INTO quivive.incidents (incident_id, check_id, site_id, customer_id, start_time, confirm_time, cause,"
        " responsibility, regions, detail, reason)"
        " VALUES (%s, 101, 'site-1', 'martin', %s, %s, 41, 1, '{eu-west}', 'HTTP 503', 'quorum')",
        *(name, START, START + MINUTE),
    )
    rows(
        url,
        "INSERT INTO quivive.incident_events VALUES ('incident.confirmed/' || %s, %s, %s, 'confirmed', '')",
        *(name, name, START + MINUTE),
    )


async def test_closed_intervals_and_events_are_sealed_once_and_open_ones_wait(url: str) -> None:
    interval(url, START, START + MINUTE, 1)
    interval(url, START + MINUTE, None, 3)
    incident(url)
    await seal_all(url)
    await seal_all(url)
    first, second = contents(url)
    assert first == {
        "kind": "interval",
        "site": "sites/site-1",
        "check": "sites/site-1/checks/http",
        "check_id": "101",
        "critical": True,
        "start_time": "2026-03-01T09:00:00.000000Z",
        "end_time": "2026-03-01T09:01:00.000000Z",
        "state": "UP",
        "reason": "votes",
        "incident": None,
    }
    assert (second["kind"], second["incident"]["cause"]) == ("incident.confirmed", "HTTP_STATUS_5XX")
    rows(url, "UPDATE quivive.state_intervals SET end_time = %s WHERE end_time IS NULL", START + 2 * MINUTE)
    await seal_all(url)
    assert contents(url)[2]["state"] == "DOWN"
    (verified,) = verify(entries(url))
    assert verified.head.sequence == 3


async def test_a_revision_is_a_new_entry_and_the_old_one_stays(url: str) -> None:
    interval(url, START, START + 3 * MINUTE, 4)
    await seal_all(url)
    # As late evidence does it: removed, and put in again shorter.
    rows(url, "DELETE FROM quivive.state_intervals")
    interval(url, START, START + MINUTE, 4)
    interval(url, START + MINUTE, START + 3 * MINUTE, 1)
    await seal_all(url)
    rows(url, "DELETE FROM quivive.state_intervals WHERE start_time > %s", START)
    await seal_all(url)
    assert [(said["kind"], said["start_time"][14:16], said["end_time"][14:16]) for said in contents(url)] == [
        ("interval", "00", "03"),
        ("interval.revised", "00", "01"),
        ("interval", "01", "03"),
        ("interval.withdrawn", "01", "03"),
    ]
    verify(entries(url))


async def test_what_is_rewritten_as_it_was_makes_no_entry(url: str) -> None:
    interval(url, START, START + MINUTE, 1)
    await seal_all(url)
    rows(url, "DELETE FROM quivive.state_intervals")
    interval(url, START, START + MINUTE, 1)
    await seal_all(url)
    assert len(contents(url)) == 1


async def test_two_sealers_make_one_chain(url: str) -> None:
    for minute in range(50):
        interval(url, START + minute * MINUTE, START + (minute + 1) * MINUTE, 1 + minute % 2)
    async with database.pool(url) as pool, database.pool(url) as other:
        async with pool.connection() as busy, busy.transaction():
            await busy.execute("SELECT pg_advisory_xact_lock(7309940471254870)")
            assert await Sealer(other).seal_some() == 0
        await _seal_all(pool)
        await _seal_all(other)
    (verified,) = verify(entries(url))
    assert verified.head.sequence == 50


async def test_each_customer_has_a_chain_of_his_own(url: str) -> None:
    rows(url, "INSERT INTO quivive.customers VALUES ('dupont', 'Dupont', 'basic', 'fr', 'Europe/Paris')")
    rows(url, "UPDATE quivive.sites SET customer_id = 'dupont' WHERE site_id = 'site-2'")
    interval(url, START, START + MINUTE, 1)
    interval(url, START, START + MINUTE, 3, check=102)
    await seal_all(url)
    (said,) = contents(url)
    assert said["site"] == "sites/site-1"
    assert rows(url, "SELECT count(*), count(DISTINCT chain_id) FROM quivive.sealed_entries") == [(2, 2)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE quivive.sealed_entries SET content = '{}'",
        "DELETE FROM quivive.sealed_entries",
        "TRUNCATE quivive.sealed_entries",
        "UPDATE quivive.incident_events SET detail = 'never happened'",
        "DELETE FROM quivive.incident_events",
    ],
)
async def test_nothing_is_changed_or_deleted_by_accident(url: str, statement: str) -> None:
    incident(url)
    await seal_all(url)
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="append-only"):
        rows(url, statement)


async def test_a_change_on_purpose_is_found(url: str) -> None:
    interval(url, START, START + MINUTE, 3)
    await seal_all(url)
    with psycopg.connect(url) as connection:
        connection.execute("SET LOCAL quivive.erasing = 'on'")
        (content,) = connection.execute("SELECT content FROM quivive.sealed_entries").fetchone() or ("",)
        forged = json.dumps({**json.loads(content), "state": "UP"}, sort_keys=True, separators=(",", ":"))
        connection.execute("UPDATE quivive.sealed_entries SET content = %s", [forged])
    with pytest.raises(Broken, match="entry 1: its content was changed"):
        verify(entries(url))


async def test_what_was_there_before_the_log_is_sealed_too(storage_url: str) -> None:
    migrate(storage_url)
    declare(storage_url)
    rows(storage_url, "ALTER TABLE quivive.state_intervals DISABLE TRIGGER note_inserted")
    interval(storage_url, START, START + MINUTE, 1)
    rows(
        storage_url,
        "INSERT INTO quivive.unsealed (check_id, start_time) SELECT check_id, start_time FROM quivive.state_intervals",
    )
    await seal_all(storage_url)
    assert len(contents(storage_url)) == 1
