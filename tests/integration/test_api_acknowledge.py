"""Acknowledging and commenting: the first one counts, everything is an event, and repeating is harmless."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from api_server import CONFIGURATION, Api

from api.acknowledgements import acknowledge, comment
from api.database import Database
from api.errors import FailedPrecondition, InvalidArgument, NotFound

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def declared(api: Api) -> Api:
    await api.apply(CONFIGURATION)
    api.incident("martin-www", "open-1", START)
    api.incident("martin-www", "over-1", START - timedelta(days=1), START)
    return api


@pytest.fixture
async def database(declared: Api):  # type: ignore[no-untyped-def]
    found = Database(declared.database_url)
    await found.open()
    yield found
    await found.close()


async def test_the_first_who_acknowledges_is_the_one_who_is_named(declared: Api, database: Database) -> None:
    done = await asyncio.gather(*(acknowledge(database, "open-1", f"person {n}", "link") for n in range(8)))
    assert sorted(done) == [False] * 7 + [True]
    ((person, time),) = declared.rows(
        "SELECT acknowledge_person, acknowledge_time FROM quivive.incidents WHERE incident_id = 'open-1'"
    )
    assert person == f"person {done.index(True)}"
    assert declared.rows("SELECT time, detail FROM quivive.incident_events WHERE kind = 'acknowledged'") == [
        (time, f"{person}, link")
    ]


async def test_what_is_over_cannot_be_acknowledged(database: Database) -> None:
    with pytest.raises(FailedPrecondition, match="resolved already"):
        await acknowledge(database, "over-1", "alice", "api")
    with pytest.raises(NotFound):
        await acknowledge(database, "nothing", "alice", "api")
    with pytest.raises(InvalidArgument):
        await acknowledge(database, "open-1", " ", "api")


async def test_an_acknowledgement_survives_the_end_and_may_be_repeated_after_it(
    declared: Api, database: Database
) -> None:
    assert await acknowledge(database, "open-1", "alice", "api")
    declared.rows("UPDATE quivive.incidents SET resolve_time = now() WHERE incident_id = 'open-1'")
    assert not await acknowledge(database, "open-1", "bob", "api")


async def test_a_comment_that_is_sent_twice_is_kept_once(declared: Api, database: Database) -> None:
    request = "7b0cb1b4-8e3c-4f0e-9a3c-1c3f6a1f2d4e"
    for _ in range(2):
        await comment(database, "open-1", "alice", "The host has been told.", public=True, request_id=request)
    await comment(database, "open-1", "bob", "Looks like the disk.")
    assert declared.rows(
        "SELECT kind, detail FROM quivive.incident_events WHERE kind IN ('commented', 'published') ORDER BY kind"
    ) == [("commented", "Looks like the disk. (bob)"), ("published", "The host has been told. (alice)")]
