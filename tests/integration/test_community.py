"""TimescaleDB's Community edition: the migrations, its policies, and every statement of the services and the dashboards.

It runs as WebAssembly, without workers and with one connection, so that nothing is timed here and no service is started.
"""

import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from community import sections
from planning import plan
from reporting import COLUMNS, documented

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=30)


@pytest.fixture
def connection(community_connection: psycopg.Connection) -> psycopg.Connection:
    return community_connection


def insert(connection: psycopg.Connection, check: int, slots: list[datetime], units: list[int]) -> None:
    connection.execute(
        "INSERT INTO quivive.results SELECT %s, s, s, 1, 0, 0, 0, u, 0, 1, 0, 1, 0, 200"
        " FROM unnest(%s::timestamptz[], %s::integer[]) AS r (s, u)",
        [check, slots, units],
    )


def refresh(connection: psycopg.Connection) -> None:
    for aggregate in ("latency_hourly", "latency_daily"):
        connection.execute(f"CALL refresh_continuous_aggregate('quivive.{aggregate}', NULL, NULL)".encode())


def test_it_is_the_community_edition_with_its_own_upkeep(connection: psycopg.Connection) -> None:
    row = connection.execute("SELECT partitions, upkeep, timescaledb_license FROM quivive.storage").fetchone()
    assert row == ("hypertable", "policies", "timescale")
    jobs = connection.execute(
        "SELECT proc_name, count(*) FROM timescaledb_information.jobs WHERE hypertable_schema IS NOT NULL GROUP BY 1"
    ).fetchall()
    assert {"policy_compression": 3, "policy_refresh_continuous_aggregate": 2}.items() <= dict(jobs).items()


def test_every_view_has_the_columns_that_are_documented(connection: psycopg.Connection, root: Path) -> None:
    assert dict(connection.execute(COLUMNS).fetchall()) == documented(root)


def test_percentiles_of_hours_and_days_are_within_two_percent(connection: psycopg.Connection) -> None:
    dice = random.Random(3)
    units = [round(math.exp(dice.uniform(0, 12))) for _ in range(500)]
    insert(connection, 11, [HOUR + timedelta(seconds=7 * number) for number in range(500)], units)
    refresh(connection)
    for share in (0.01, 0.5, 0.95, 0.99, 1.0):
        exact_ms = sorted(units)[math.ceil(share * 500) - 1] / 10
        for aggregate in ("latency_hourly", "latency_daily"):
            row = connection.execute(
                f"SELECT quivive.latency_percentile(total, %s) FROM quivive.{aggregate} WHERE check_id = 11".encode(),
                [share],
            ).fetchone()
            assert row is not None
            assert row[0] == pytest.approx(exact_ms, rel=0.02)


def test_a_duplicate_in_a_compressed_chunk_is_dropped_and_what_is_new_is_kept(connection: psycopg.Connection) -> None:
    slots = [HOUR - timedelta(days=6) + timedelta(seconds=30 * number) for number in range(100)]
    insert(connection, 12, slots, [9] * 100)
    connection.execute("SELECT compress_chunk(c, if_not_compressed => true) FROM show_chunks('quivive.results') AS c")
    connection.execute("CREATE TEMPORARY TABLE staged (LIKE quivive.results)")
    connection.execute("INSERT INTO staged SELECT * FROM quivive.results WHERE check_id = 12")
    connection.execute("INSERT INTO staged SELECT * FROM quivive.results WHERE check_id = 12 LIMIT 1")
    connection.execute("UPDATE staged SET region = 2 WHERE ctid = '(0,1)'")
    connection.execute("INSERT INTO quivive.results SELECT * FROM staged ON CONFLICT DO NOTHING")
    assert connection.execute("SELECT count(*) FROM quivive.results WHERE check_id = 12").fetchone() == (101,)
    with pytest.raises(psycopg.errors.UniqueViolation):
        insert(connection, 12, slots[50:51], [9])


def test_each_plan_keeps_results_and_aggregates_for_as_long_as_it_says(connection: psycopg.Connection) -> None:
    for plan_id, results, aggregates, check in (("basic", 5, 8, 21), ("premium", 30, 730, 22)):
        connection.execute(
            "UPDATE quivive.plans SET results_days = %s, aggregates_days = %s WHERE plan_id = %s",
            [results, aggregates, plan_id],
        )
        connection.execute(
            "WITH c AS (INSERT INTO quivive.customers (customer_id, title, plan_id, locale, timezone)"
            " VALUES (%(plan)s, 'x', %(plan)s, 'en', 'UTC')),"
            " s AS (INSERT INTO quivive.sites (site_id, customer_id, url, declared) VALUES (%(plan)s, %(plan)s, '', '{}'))"
            " INSERT INTO quivive.checks (check_id, site_id, name, type, critical, revision)"
            " VALUES (%(check)s, %(plan)s, 'http', 'http', true, 1)",
            {"plan": plan_id, "check": check},
        )
        insert(connection, check, [HOUR - timedelta(days=days) for days in (6, 10)], [9, 9])
    refresh(connection)
    connection.execute("SELECT quivive.drop_expired()")
    for table, kept in (
        ("results", [(22, 2)]),
        ("latency_hourly", [(21, 1), (22, 2)]),
        ("latency_daily", [(21, 1), (22, 2)]),
    ):
        found = connection.execute(
            f"SELECT check_id, count(*) FROM quivive.{table} WHERE check_id IN (21, 22) GROUP BY 1 ORDER BY 1".encode()
        ).fetchall()
        assert found == kept, table


def test_every_statement_of_the_services_can_be_planned(connection: psycopg.Connection) -> None:
    connection.execute("CREATE TEMPORARY TABLE IF NOT EXISTS staged_results (LIKE quivive.results)")
    planned = [plan(connection, statement) for file in sections().values() for statement in file.values()]
    assert any(planned)
