"""Backup and restore of a data directory, with its servers running and not."""

import asyncio
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats
import psycopg
import pytest
from declaring import declare, rows

from aggregator import database as aggregator_database
from aggregator.migrate import migrate
from aggregator.seal.sealer import Sealer
from quivive import bus
from quivive.embedded import broker, database
from quivive.embedded.backup import backup, restore
from quivive.embedded.places import Places
from quivive.embedded.preflight import claim
from quivive.embedded.supervise import Failed
from quivive.embedded.temporary import running

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
MESSAGES = 200


@contextmanager
def servers(data: Path) -> Iterator[tuple[str, str]]:
    """Database and broker of a data directory, as `quivive up` has them."""
    places = Places(data)
    with ExitStack() as stack:
        yield (
            stack.enter_context(running(database.server(places))),
            stack.enter_context(running(broker.server(places))),
        )


@contextmanager
def claimed(data: Path) -> Iterator[None]:
    """The directory is in use, as by `quivive up`."""
    lock = claim(data)
    try:
        yield
    finally:
        os.close(lock)


async def seal(database_url: str) -> None:
    async with aggregator_database.pool(database_url) as pool:
        await Sealer(pool).seal_some()


async def fill(database_url: str, nats_url: str) -> None:
    """Something of everything: rows, sealed entries, a role of the operator's own, results that are on their way."""
    migrate(database_url)
    declare(database_url)
    for minute in range(3):
        rows(
            database_url,
            "INSERT INTO quivive.state_intervals (check_id, start_time, end_time, state, reason)"
            " VALUES (101, %s, %s, %s, 'votes')",
            *(START + timedelta(minutes=minute), START + timedelta(minutes=minute + 1), 1 + minute % 2),
        )
    await seal(database_url)
    rows(database_url, "CREATE ROLE dashboards LOGIN PASSWORD 'change me' IN ROLE quivive_reader")
    nc = await nats.connect(nats_url)
    await bus.ensure_streams(nc.jetstream())
    for number in range(MESSAGES):
        await nc.jetstream().publish("quivive.results.3.eu-west", f"batch {number}".encode() * 500)
    await nc.close()


async def check(database_url: str, nats_url: str) -> None:
    """Everything that `fill` made is there."""
    assert rows(database_url, "SELECT count(*) FROM quivive.state_intervals") == [(3,)]
    assert rows(database_url, "SELECT customer_id FROM quivive.customers") == [("martin",)]
    with psycopg.connect(database_url, user="dashboards", password="change me") as connection:
        assert connection.execute("SELECT count(*) FROM quivive_report.state_intervals_v1").fetchone() == (3,)
    nc = await nats.connect(nats_url)
    info = await nc.jetstream().stream_info("QUIVIVE_RESULTS")
    assert (info.state.messages, info.state.last_seq) == (MESSAGES, MESSAGES)
    message = await nc.jetstream().get_msg("QUIVIVE_RESULTS", 7)
    assert message.data == b"batch 6" * 500
    await nc.close()


def test_a_backup_of_running_servers_brings_everything_back(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "saved.tar"
    with claimed(data), servers(data) as (database_url, nats_url):
        asyncio.run(fill(database_url, nats_url))
        backup(data, file)
    assert file.stat().st_mode & 0o777 == 0o600
    restored = restore(file, tmp_path / "new")
    assert [chain.head.sequence for chain in restored.chains] == [3]
    with servers(tmp_path / "new") as (database_url, nats_url):
        asyncio.run(check(database_url, nats_url))
        # The chain goes on where it was.
        rows(database_url, "UPDATE quivive.state_intervals SET reason = 'late' WHERE start_time = %s", START)
        asyncio.run(seal(database_url))
        assert rows(database_url, "SELECT max(sequence) FROM quivive.sealed_entries") == [(4,)]


def test_a_backup_starts_servers_that_are_stopped(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "saved.tar"
    with claimed(data), servers(data) as (database_url, nats_url):
        asyncio.run(fill(database_url, nats_url))
        secrets = (data / "secrets.json").read_text("utf-8")
    (data / "postgres" / "local.conf").write_text("log_min_duration_statement = '1s'\n", "utf-8")
    backup(data, file)
    restore(file, tmp_path / "new")
    assert (tmp_path / "new" / "secrets.json").read_text("utf-8") == secrets
    with servers(tmp_path / "new") as (database_url, nats_url):
        asyncio.run(check(database_url, nats_url))
        assert rows(database_url, "SHOW log_min_duration_statement") == [("1s",)]


def test_a_forged_or_damaged_backup_is_found_and_leaves_nothing(tmp_path: Path) -> None:
    data, file, new = tmp_path / "data", tmp_path / "saved.tar", tmp_path / "new"
    with claimed(data), servers(data) as (database_url, nats_url):
        asyncio.run(fill(database_url, nats_url))
        rows(database_url, "ALTER TABLE quivive.sealed_entries DISABLE TRIGGER append_only")
        rows(database_url, "UPDATE quivive.sealed_entries SET content = replace(content, '\"UP\"', '\"DOWN\"')")
    backup(data, file)
    with pytest.raises(Failed, match="entry 1: its content was changed"):
        restore(file, new)
    assert [path.name for path in new.iterdir()] == ["lock"]

    other = tmp_path / "damaged.tar"
    parts = tmp_path / "parts"
    with tarfile.open(file) as archive:
        archive.extractall(parts, filter="data")
    assert json.loads((parts / "manifest.json").read_text("utf-8"))["format"] == 1
    (parts / "database.dump").write_bytes((parts / "database.dump").read_bytes()[:-1])
    with tarfile.open(other, "w") as archive:
        for part in parts.iterdir():
            archive.add(part, part.name)
    with pytest.raises(Failed, match=r"damaged: database\.dump is not what was saved"):
        restore(other, new)
    assert [path.name for path in new.iterdir()] == ["lock"]


def test_a_restore_touches_no_data_that_is_there(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "postgres").mkdir(parents=True)
    with pytest.raises(Failed, match="in use"):
        restore(tmp_path / "saved.tar", data)
    assert (data / "postgres").exists()


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear customer", "utf-8")
    with pytest.raises(Failed, match="cannot be read as a backup"):
        restore(tmp_path / "letter.txt", tmp_path / "new")
    with pytest.raises(Failed, match="has no embedded database"):
        backup(tmp_path / "nothing", tmp_path / "saved.tar")
