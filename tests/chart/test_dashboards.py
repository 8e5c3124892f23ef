"""Every panel's SQL runs on the reporting views, as Grafana would send it, and shows what was stored."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import LiteralString, cast

import psycopg
import pytest
from psycopg.rows import dict_row

from aggregator.migrate import migrate

DASHBOARDS = sorted((Path(__file__).resolve().parents[2] / "deploy/helm/quivive/dashboards").glob("*.json"))
NOW = datetime.now(UTC).replace(microsecond=0)
FROM, TO = NOW - timedelta(hours=6), NOW
VARIABLES = {"${customer:sqlstring}": "'martin','town'"}
"""What Grafana puts in for a variable with several values chosen."""


def queries(path: Path) -> list[tuple[str, str, str]]:
    """(title, format, SQL) of each panel, and of each variable that is a query."""
    dashboard = json.loads(path.read_text("utf-8"))
    panels = [
        (panel["title"], target["format"], target["rawSql"])
        for panel in dashboard["panels"]
        for target in panel["targets"]
    ]
    variables = [
        (f"variable {variable['name']}", "table", variable["query"])
        for variable in dashboard["templating"]["list"]
        if variable["type"] == "query"
    ]
    return panels + variables


QUERIES = [query for path in DASHBOARDS for query in queries(path)]


def as_grafana_sends_it(sql: str, *, timescaledb: bool) -> LiteralString:
    """Macros and variables replaced, as Grafana's PostgreSQL data source does; no other macro may be left."""

    def group(match: re.Match[str]) -> str:
        column, interval = match["column"], match["interval"].strip("' ")
        seconds = {"24h": 86400.0, "5m": 300.0}[interval]
        bucket = (
            f"time_bucket('{seconds:.3f}s',{column})"
            if timescaledb
            else f"floor(extract(epoch from {column})/{seconds:.0f})*{seconds:.0f}"
        )
        return f'{bucket} AS "time"'

    start, end = (f"'{moment:%Y-%m-%dT%H:%M:%SZ}'" for moment in (FROM, TO))
    for name, value in VARIABLES.items():
        sql = sql.replace(name, value)
    sql = sql.replace("$__interval", "5m").replace("$__timeFrom()", start).replace("$__timeTo()", end)
    sql = re.sub(r"\$__timeGroupAlias\((?P<column>[\w.]+),(?P<interval>[^)]+)\)", group, sql)
    sql = re.sub(r"\$__timeFilter\(([\w.]+)\)", rf"\1 BETWEEN {start} AND {end}", sql)
    assert "$" not in sql, sql
    return cast(LiteralString, sql)


def seed(connection: psycopg.Connection) -> None:
    """A site that is up, one that is down with an open incident, one nobody could see; two regions, one blind; results."""
    connection.execute(
        "INSERT INTO quivive.customers (customer_id, title, plan_id, locale, timezone) VALUES"
        " ('martin', 'Boulangerie Martin', 'premium', 'fr', 'Europe/Paris'), ('town', 'Town Hall', 'basic', 'en', 'UTC')"
    )
    connection.execute(
        "INSERT INTO quivive.regions (name, title, blind_time, blind_reason) VALUES"
        " ('eu-west', 'Paris', NULL, NULL), ('us-east', 'Boston', %s, 'no agent heard for 15 s')",
        [NOW - timedelta(minutes=5)],
    )
    sites = (("martin-www", "martin", 1, 1), ("martin-shop", "martin", 2, 3), ("town-www", "town", 3, 4))
    for site, customer, check, state in sites:
        start = NOW - timedelta(hours=5)
        connection.execute(
            "INSERT INTO quivive.sites (site_id, customer_id, url, declared) VALUES (%s, %s, 'https://x.example', '{}')",
            [site, customer],
        )
        connection.execute(
            "INSERT INTO quivive.checks (check_id, site_id, name, type, critical, revision)"
            " VALUES (%s, %s, 'http', 'http', true, 1)",
            [check, site],
        )
        connection.execute(
            "INSERT INTO quivive.check_revisions VALUES"
            " (%s, 1, '{eu-west,us-east}', 30000000, 10000000, 2, 'https://x.example', '')",
            [check],
        )
        connection.execute(
            "INSERT INTO quivive.state_intervals VALUES (%s, %s, %s, 1, 'quorum', NULL), (%s, %s, NULL, %s, 'quorum', NULL)",
            [check, start, NOW - timedelta(hours=1), check, NOW - timedelta(hours=1), state],
        )
    connection.execute(
        "INSERT INTO quivive.incidents (incident_id, check_id, site_id, customer_id, start_time, confirm_time, cause,"
        " responsibility, regions, detail, reason)"
        " VALUES ('i1', 2, 'martin-shop', 'martin', %s, %s, 41, 1, '{eu-west}', 'answered 503', 'quorum')",
        [NOW - timedelta(hours=1), NOW - timedelta(minutes=59)],
    )
    native = connection.execute("SELECT partitions = 'native' FROM quivive.storage").fetchone()
    if native == (True,):
        connection.execute("CREATE TABLE quivive.results_all PARTITION OF quivive.results DEFAULT")
    connection.execute(
        "INSERT INTO quivive.results SELECT c, s, s + interval '90 ms', 1, 100, 100, 200, 400, 100, r.region_id, 0,"
        " CASE WHEN c = 2 THEN 2 ELSE 1 END, CASE WHEN c = 2 THEN 41 ELSE 0 END, CASE WHEN c = 2 THEN 503 ELSE 200 END"
        " FROM generate_series(1, 3) AS c, quivive.regions AS r, generate_series(%s, %s, interval '30 s') AS s",
        [NOW - timedelta(minutes=20), NOW],
    )


@pytest.fixture
def stored(storage_url):
    """A connection to a database with a few rows of everything, on each kind of storage."""
    migrate(storage_url)
    with psycopg.connect(storage_url) as connection:
        seed(connection)
    with psycopg.connect(storage_url, row_factory=dict_row) as connection:
        yield connection


def test_every_panel_shows_what_is_stored(stored):
    timescaledb = stored.execute("SELECT partitions FROM quivive.storage").fetchone()["partitions"] == "hypertable"
    assert len(QUERIES) > 10
    for title, kind, sql in QUERIES:
        rows = stored.execute(as_grafana_sends_it(sql, timescaledb=timescaledb)).fetchall()
        assert rows, f"{title} shows nothing"
        if kind == "time_series":
            assert "time" in rows[0], f"{title} has no time column"


def test_the_figures_on_the_panels_are_those_of_the_rows(stored):
    answers = {
        title: stored.execute(as_grafana_sends_it(sql, timescaledb=False)).fetchall() for title, _, sql in QUERIES
    }
    assert answers["Sites by state"] == [{"UP": 1, "PARTIAL_OUTAGE": 0, "DOWN": 1, "UNKNOWN": 1, "PAUSED": 0}]
    assert answers["Open incidents"] == [{"open": 1}]
    assert answers["Blind regions"] == [{"blind": 1}]
    assert [row["Site"] for row in answers["Sites that are not up"]] == ["martin-shop", "town-www"]
    figures = {row["Site"]: row for row in answers["Availability, worst first"]}
    assert list(figures) == ["martin-shop", "martin-www", "town-www"]
    assert float(figures["martin-shop"]["Availability"]) == pytest.approx(0.8, abs=0.001)
    assert float(figures["town-www"]["Availability"]) == 1
    assert float(figures["town-www"]["Completeness"]) == pytest.approx(0.8, abs=0.001)
    assert {row["value"] for row in answers["Response time, p50 per region"]} == {90.0}


@pytest.mark.parametrize(("title", "sql"), [(title, sql) for title, _, sql in QUERIES])
def test_dashboards_read_the_reporting_views_and_nothing_else(title, sql):
    tables = set(re.findall(r"\b(?:FROM|JOIN)\s+([a-z_]+\.[a-z_0-9]+)", sql))
    assert tables
    assert all(table.startswith("quivive_report.") and table.endswith("_v1") for table in tables), title


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_have_ids_of_their_own_and_do_not_overlap(path):
    panels = json.loads(path.read_text("utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & own, panel["title"]
        assert max(x for x, _ in own) < 24
        cells |= own


def test_the_reader_role_sees_only_the_reporting_schema_and_can_show_every_panel(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET ROLE quivive_reader")
        for _, _, sql in QUERIES:
            connection.execute(as_grafana_sends_it(sql, timescaledb=False))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM quivive.customers")
