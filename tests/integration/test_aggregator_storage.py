"""Aggregates, retention, roles and plans of queries, on each kind of server."""

import json
import math
import random
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from declaring import declare, rows
from psycopg import conninfo

from aggregator import database, upkeep
from aggregator.migrate import migrate
from aggregator.storage import Storage, Unusable, compare

CHECK = 101
NOW = datetime.now(UTC)
HOUR = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)


@pytest.fixture
def url(storage_url: str) -> str:
    """A database with one site."""
    migrate(storage_url)
    declare(storage_url)
    return storage_url


def store(url: str, slots: list[datetime], latencies: list[int], *, check: int = CHECK, outcome: int = 1) -> None:
    """Results of one region that took `latencies`, in units of 0.1 ms, to their first byte."""
    with psycopg.connect(url, autocommit=True) as connection:
        for day in sorted({slot.astimezone(UTC).date() for slot in slots}):
            connection.execute("SELECT quivive.make_partition(%s)", [day])
        with connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO quivive.results VALUES (%s, %s, %s, 1, 0, 0, 0, %s, 0, 1, 0, %s, 0, 200)",
                [(check, slot, slot, took, outcome) for slot, took in zip(slots, latencies, strict=True)],
            )
            cursor.execute(
                "INSERT INTO quivive.stale_hours SELECT DISTINCT date_trunc('hour', s, 'UTC') FROM unnest(%s::timestamptz[]) AS s",
                [slots],
            )


async def refresh(url: str) -> None:
    """By our jobs, or as TimescaleDB's policies would."""
    (upkeep_kind,) = rows(url, "SELECT upkeep FROM quivive.storage")[0]
    if upkeep_kind == "policies":
        for aggregate in ("latency_hourly", "latency_daily"):
            rows(url, f"CALL refresh_continuous_aggregate('quivive.{aggregate}', NULL, NULL)")
        return
    async with database.pool(url) as pool:
        await upkeep.refresh(pool)


async def test_percentiles_of_an_hour_are_within_two_percent(url: str) -> None:
    dice = random.Random(3)
    latencies = [round(math.exp(dice.uniform(0, 12))) for _ in range(500)]
    store(url, [HOUR + timedelta(seconds=7 * number) for number in range(500)], latencies)
    await refresh(url)
    ordered = sorted(latencies)
    for share in (0.01, 0.5, 0.95, 0.99, 1.0):
        exact_ms = ordered[math.ceil(share * 500) - 1] / 10
        for aggregate in ("latency_hourly", "latency_daily"):
            ((found_ms,),) = rows(url, f"SELECT quivive.latency_percentile(total, %s) FROM quivive.{aggregate}", share)
            assert found_ms == pytest.approx(exact_ms, rel=0.02)


async def test_a_late_result_brings_its_hour_and_day_up_to_date(url: str) -> None:
    store(url, [HOUR], [100])
    await refresh(url)
    store(url, [HOUR + timedelta(seconds=1)], [900], outcome=2)
    await refresh(url)
    for aggregate in ("latency_hourly", "latency_daily"):
        assert rows(url, f"SELECT results, up, down FROM quivive.{aggregate}") == [(2, 1, 1)]
    assert rows(
        url, "SELECT phase, p99_ms FROM quivive_report.latency_hourly_v1 WHERE phase IN ('dns', 'total') ORDER BY phase"
    ) == [("dns", 0.0), ("total", pytest.approx(10.0, rel=0.02))]


async def test_results_go_when_their_plan_says_so_and_aggregates_stay(url: str) -> None:
    rows(url, "UPDATE quivive.plans SET results_days = 10 WHERE plan_id = 'premium'")
    old, young, ancient = NOW - timedelta(days=12), NOW - timedelta(days=2), NOW - timedelta(days=40)
    store(url, [ancient, old, young], [1, 1, 1])
    store(url, [ancient, old], [1, 1], check=7)  # nobody's any more: kept as long as any plan keeps results
    await refresh(url)
    async with database.pool(url) as pool:
        await upkeep.drop_expired(pool)
        await upkeep.drop_expired(pool)
    left = rows(url, "SELECT check_id, slot FROM quivive.results ORDER BY check_id")
    assert left == [(7, old), (CHECK, young)]
    assert rows(url, "SELECT sum(results) FROM quivive.latency_hourly") == [(5,)]


async def test_aggregates_go_when_their_plan_says_so(url: str) -> None:
    rows(url, "UPDATE quivive.plans SET results_days = 5, aggregates_days = 8 WHERE plan_id = 'premium'")
    old, young = HOUR - timedelta(days=10), HOUR - timedelta(days=6)
    store(url, [old, young], [1, 1])
    store(url, [old, young], [1, 1], check=7)  # nobody's any more: kept as long as any plan keeps aggregates
    await refresh(url)
    async with database.pool(url) as pool:
        await upkeep.drop_expired(pool)
    assert rows(url, "SELECT count(*) FROM quivive.results WHERE check_id = 101") == [(0,)]
    for aggregate in ("latency_hourly", "latency_daily"):
        counted = rows(url, f"SELECT check_id, count(*) FROM quivive.{aggregate} GROUP BY 1 ORDER BY 1")
        assert counted == [(7, 2), (CHECK, 1)]


QUERIES = {
    "one check's hour": "SELECT * FROM quivive.results WHERE check_id = 101 AND slot >= %(from)s AND slot < %(to)s",
    "a dashboard's panel": "SELECT region, count(*) FROM quivive_report.results_v1 WHERE slot BETWEEN %(from)s AND %(to)s"
    " AND site_id = 'site-1' GROUP BY region",
    "a site's percentiles": "SELECT * FROM quivive_report.latency_hourly_v1"
    " WHERE site_id = 'site-1' AND bucket_time >= %(from)s AND bucket_time < %(to)s",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_a_query_reads_its_own_days_only_and_by_an_index(url: str, query: str) -> None:
    declare_more(url)
    days = [NOW - timedelta(days=number) for number in range(8)]
    for check in (CHECK, 102, 103):
        store(url, [day - timedelta(seconds=30 * n) for day in days for n in range(400)], [9] * 3200, check=check)
    rows(url, "ANALYZE")
    window = {"from": days[2] - timedelta(hours=1), "to": days[2]}
    with psycopg.connect(url) as connection:
        connection.execute(
            "SET enable_seqscan = off"
        )  # tables this small are read whole; the plan must be possible at all
        row = connection.execute(f"EXPLAIN (FORMAT JSON) {query}", window).fetchone()  # type: ignore[arg-type]
    assert row is not None
    scanned = list(scans(row[0][0]["Plan"]))
    results = [scan for scan in scanned if scan["Relation Name"].startswith(("results", "_hyper"))]
    assert len(results) <= 2, json.dumps(scanned, indent=1)  # a window over midnight touches two days
    assert not [scan for scan in results if scan["Node Type"] == "Seq Scan"], json.dumps(results, indent=1)


def scans(plan: dict[str, object]) -> list[dict[str, str]]:
    """Every node that reads a table."""
    below = [node for child in plan.get("Plans", []) for node in scans(child)]  # type: ignore[attr-defined]
    return [*([plan] if "Relation Name" in plan else []), *below]  # type: ignore[list-item]


def declare_more(url: str) -> None:
    for check in (102, 103):
        rows(
            url,
            "INSERT INTO quivive.checks (check_id, site_id, name, type, critical, revision)"
            f" VALUES ({check}, 'site-1', 'http-{check}', 'http', true, 1)",
        )


@pytest.fixture
def runtime_url(url: str) -> str:
    """The same database as a login that may do what services do."""
    return login(url, "quivive_runtime")


def login(url: str, group: str) -> str:
    parts = conninfo.conninfo_to_dict(url)
    user = f"{group}_{str(parts['dbname'])[-12:]}"
    rows(url, f"CREATE ROLE {user} LOGIN PASSWORD 'secret' IN ROLE {group}")
    return f"postgresql://{user}:secret@{parts['host']}:{parts['port']}/{parts['dbname']}"


async def test_the_services_role_does_the_upkeep_but_changes_no_schema(url: str, runtime_url: str) -> None:
    store(runtime_url, [HOUR], [100])
    await refresh(url)
    async with database.pool(runtime_url) as pool:
        await upkeep.drop_expired(pool)
    assert rows(runtime_url, "SELECT sum(results) FROM quivive.latency_hourly") == [(1,)]
    for statement in (
        "DROP TABLE quivive.incidents",
        "ALTER TABLE quivive.results ADD COLUMN x int",
        "CREATE TABLE quivive.x ()",
        "TRUNCATE quivive.incident_events",
        "SELECT quivive.grant_roles()",
        "UPDATE quivive.storage SET upkeep = 'jobs'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            rows(runtime_url, statement)


def test_the_readers_role_reads_the_reporting_views_and_nothing_else(url: str) -> None:
    reader = login(url, "quivive_reader")
    assert rows(reader, "SELECT site_id FROM quivive_report.sites_v1") == [("site-1",)]
    assert rows(reader, "SELECT p50_ms FROM quivive_report.latency_hourly_v1") == []
    for statement in (
        "SELECT * FROM quivive.incidents",
        "DELETE FROM quivive_report.regions_v1",
        "SELECT quivive.drop_expired()",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            rows(reader, statement)


@pytest.mark.parametrize(
    ("storage", "present", "words"),
    [
        (("native", "jobs"), (None, None), None),
        (("native", "jobs"), ("2.19.3", "apache"), "has gained TimescaleDB"),
        (("hypertable", "jobs"), ("2.19.3", "apache"), None),
        (("hypertable", "jobs"), ("2.19.3", "timescale"), "has gained the Community licence"),
        (("hypertable", "policies"), ("2.20.0", "timescale"), None),
    ],
)
def test_what_a_server_gained_is_told(
    storage: tuple[str, str], present: tuple[str | None, str | None], words: str | None
) -> None:
    news = compare(Storage(*storage, None, None), *present)
    assert news == words or (news is not None and words is not None and words in news)


@pytest.mark.parametrize(
    ("storage", "present", "words"),
    [
        (("hypertable", "jobs"), (None, None), "lost TimescaleDB"),
        (("hypertable", "policies"), ("2.19.3", "apache"), "no longer runs"),
    ],
)
def test_a_server_that_lost_what_its_rows_need_is_refused(
    storage: tuple[str, str], present: tuple[str | None, str | None], words: str
) -> None:
    with pytest.raises(Unusable, match=words):
        compare(Storage(*storage, None, None), *present)
