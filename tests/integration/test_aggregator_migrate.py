"""Bringing the schema up to date, on each kind of server."""

import threading

import psycopg
from declaring import rows

from aggregator.migrate import migrate
from aggregator.settings import AggregatorSettings
from aggregator.storage import Storage


def test_storage_is_what_the_server_offers_and_is_told(storage_url: str) -> None:
    with psycopg.connect(storage_url) as connection:
        query = "SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'"
        row = connection.execute(query).fetchone()
    storage = migrate(storage_url)
    if row == (0,):
        assert storage == Storage("native", "jobs", None, None)
        assert str(storage) == "native partitions, kept by our jobs"
    else:
        assert storage.partitions == "hypertable"
        assert str(storage).startswith("a hypertable on TimescaleDB 2.")


def test_a_second_migration_changes_nothing(storage_url: str) -> None:
    first = migrate(storage_url)
    tables = "SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2"
    before = rows(storage_url, tables)
    assert migrate(storage_url) == first
    assert rows(storage_url, tables) == before


def test_migrations_at_the_same_time_wait_for_each_other(database_url: str) -> None:
    done: list[Storage] = []
    threads = [threading.Thread(target=lambda: done.append(migrate(database_url))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [Storage("native", "jobs", None, None)] * 3


def test_what_a_crashed_migration_left_in_the_lock_table_stops_nobody(database_url: str) -> None:
    migrate(database_url)
    rows(database_url, "INSERT INTO public.yoyo_lock VALUES (1, now(), 4711)")
    assert migrate(database_url).partitions == "native"


def test_settings_hide_the_secrets(database_url: str) -> None:
    settings = AggregatorSettings(database_url=database_url, smtp_url="smtp://user:hunter2@mail.example")
    assert "hunter2" not in repr(settings)
    assert database_url not in repr(settings)
