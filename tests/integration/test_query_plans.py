"""Every statement of the services and of the dashboards reads large tables by an index, and of the days only those it asks for."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from community import sections
from declaring import declare, rows
from planning import NOW, plan, scans
from psycopg import conninfo

from aggregator.migrate import migrate

LARGE = re.compile(
    r"results(_\d{8})?|_hyper_\d+_\d+_chunk|latency_(hourly|daily)|state_intervals|incidents|incident_events|outbox"
    r"|sealed_entries|evidence"
)
PARTITION = re.compile(r"results_\d{8}|_hyper_\d+_\d+_chunk")
MOST_PARTITIONS = 5
"""The windows asked for here touch three days, or with their margins five."""
EXCEPTIONS = {
    (
        "aggregator/sql/judge.sql",
        "evidence_join",
    ): "how far it looks back depends on each incident's start: other days are passed over while it runs",
    (
        "api/sql/site_metrics.sql",
        "latencies",
    ): "how far it looks back depends on each check's interval: other days are passed over while it runs",
}
"""(file, statement): why it may read a large table as it does."""


@pytest.fixture(scope="module")
def filled(postgresql_admin_url: str) -> Iterator[psycopg.Connection]:
    yield from _filled(postgresql_admin_url)


@pytest.fixture(scope="module")
def filled_hypertable(timescale_admin_url: str) -> Iterator[psycopg.Connection]:
    yield from _filled(timescale_admin_url)


def _filled(admin_url: str) -> Iterator[psycopg.Connection]:
    """A year of days, and enough in every large table that statistics say something."""
    name = f"quivive_plans_{uuid4().hex[:12]}"
    rows(admin_url, f"CREATE DATABASE {name}")
    parts = conninfo.conninfo_to_dict(admin_url)
    url = f"postgresql://{parts['user']}:{parts['password']}@{parts['host']}:{parts['port']}/{name}"
    migrate(url)
    declare(url, sites=200)
    with psycopg.connect(url, autocommit=True) as connection:
        _fill(connection)
        # Tables as small as these are read whole in real life; here it must be possible not to.
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET plan_cache_mode = force_custom_plan")
        connection.execute("CREATE TEMPORARY TABLE staged_results (LIKE quivive.results)")
        yield connection
    rows(admin_url, f"DROP DATABASE {name} WITH (FORCE)")


def _fill(connection: psycopg.Connection) -> None:
    year = {"first": NOW - timedelta(days=365), "now": NOW}
    for statement in (
        "SELECT quivive.make_partition(d::date) FROM generate_series(%(first)s, %(now)s, interval '1 day') AS d",
        "INSERT INTO quivive.results SELECT 101 + n %% 200, s, s, 1, 1, 1, 1, 9, 1, 1, 0, 1, 0, 200"
        " FROM generate_series(%(first)s::timestamptz, %(now)s, interval '1 day') WITH ORDINALITY AS d (s, n)",
        "INSERT INTO quivive.results SELECT 101 + n, %(now)s::timestamptz - interval '2 days', %(now)s, 1, 1, 1, 1, 9,"
        " 1, 2, 0, 1, 0, 200"
        " FROM generate_series(0, 199) AS n",
        "INSERT INTO quivive.state_intervals (check_id, start_time, end_time, state, reason)"
        " SELECT 101 + c, %(first)s::timestamptz + d * interval '1 day', %(first)s::timestamptz + (d + 1) * interval '1 day',"
        " 1 + d %% 3, 'test' FROM generate_series(0, 199) AS c, generate_series(0, 99) AS d",
        "INSERT INTO quivive.incidents (incident_id, check_id, site_id, customer_id, start_time, confirm_time, resolve_time, cause,"
        " responsibility, regions, detail, reason)"
        " SELECT 'i' || c || '-' || d, 101 + c, 'site-' || (1 + c), 'martin', t, t, t + interval '5 min', 20, 1, '{}', '', ''"
        " FROM generate_series(0, 199) AS c, generate_series(0, 19) AS d,"
        " LATERAL (SELECT %(first)s::timestamptz + d * interval '18 days' + c * interval '1 min') AS x (t)",
        "INSERT INTO quivive.incident_events (event_key, incident_id, time, kind)"
        " SELECT 'e' || incident_id, incident_id, start_time, 'confirmed' FROM quivive.incidents",
        "INSERT INTO quivive.evidence SELECT 101 + c, %(first)s::timestamptz + d * interval '1 day', 1, 0, '{}'"
        " FROM generate_series(0, 199) AS c, generate_series(0, 49) AS d",
        "INSERT INTO quivive.chains (chain_id, customer_id) VALUES ('00000000-0000-0000-0000-000000000001', 'martin')",
        "INSERT INTO quivive.sealed_entries (chain_id, sequence, seal_time, subject, salt, content, content_hash, hash)"
        " SELECT '00000000-0000-0000-0000-000000000001', n, %(now)s, 's' || n, '', '{}', '', ''"
        " FROM generate_series(1, 5000) AS n",
        "INSERT INTO quivive.channels (channel_id, type, audience, declared) VALUES ('mail', 'email', '{incidents}', '{}')",
        "INSERT INTO quivive.outbox (event_key, channel_id, kind, incident_id, payload, due_time, sent_time)"
        " SELECT 'o' || incident_id, 'mail', 'incident.confirmed', incident_id, '{}', start_time, start_time"
        " FROM quivive.incidents",
        "INSERT INTO quivive.latency_hourly (check_id, region, bucket, results, up, down)"
        " SELECT 101 + c, 1, date_trunc('hour', %(now)s::timestamptz) - h * interval '1 hour', 1, 1, 0"
        " FROM generate_series(0, 49) AS c, generate_series(1, 200) AS h",
        "INSERT INTO quivive.latency_daily (check_id, region, bucket, results, up, down)"
        " SELECT 101 + c, 1, date_trunc('day', %(now)s::timestamptz) - d * interval '1 day', 1, 1, 0"
        " FROM generate_series(0, 49) AS c, generate_series(1, 200) AS d",
        "ANALYZE",
    ):
        connection.execute(statement, year if "%" in statement else None)  # type: ignore[arg-type]


def faults(planned: dict[str, Any]) -> list[str]:
    """What is wrong with a plan."""
    large = [scan for scan in scans(planned) if LARGE.fullmatch(scan["Relation Name"])]
    found = [f"reads {scan['Relation Name']} whole" for scan in large if scan["Node Type"] == "Seq Scan"]
    partitions = {scan["Relation Name"] for scan in large if PARTITION.fullmatch(scan["Relation Name"])}
    if len(partitions) > MOST_PARTITIONS:
        found.append(f"reads {len(partitions)} days of results")
    return found


def judged(connection: psycopg.Connection) -> dict[tuple[str, str], list[str]]:
    """The statements that read too much, by file and name."""
    bad = {}
    for file, statements in sections().items():
        for name, statement in statements.items():
            planned = plan(connection, statement)
            if planned is not None and (file, name) not in EXCEPTIONS and (wrong := faults(planned)):
                bad[file, name] = wrong
    return bad


def test_on_native_partitions_statements_read_by_an_index_and_their_own_days(filled: psycopg.Connection) -> None:
    assert judged(filled) == {}


def test_on_a_hypertable_statements_read_by_an_index_and_their_own_days(filled_hypertable: psycopg.Connection) -> None:
    assert judged(filled_hypertable) == {}


def dashboard_queries(root: Path) -> dict[str, str]:
    """As Grafana sends them for the last two days."""
    found = {}
    for path in sorted((root / "deploy/helm/quivive/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text("utf-8"))["panels"]:
            for number, target in enumerate(panel.get("targets", ())):
                found[f"{path.stem}: {panel['title']} {number}"] = as_sent(target["rawSql"])
    return found


def as_sent(text: str) -> str:
    start, end = (
        f"'{moment.isoformat()}'::timestamptz" for moment in (NOW - timedelta(days=3), NOW - timedelta(days=1))
    )
    text = text.replace("${customer:sqlstring}", "'martin'").replace("$__interval", "5m")
    text = text.replace("$__timeFrom()", start).replace("$__timeTo()", end)
    text = re.sub(r"\$__timeGroupAlias\(([\w.]+),[^)]+\)", r'floor(extract(epoch from \1)/300)*300 AS "time"', text)
    return re.sub(r"\$__timeFilter\(([\w.]+)\)", rf"\1 BETWEEN {start} AND {end}", text)


def test_dashboards_read_by_an_index_and_their_own_days(filled: psycopg.Connection, root: Path) -> None:
    queries = dashboard_queries(root)
    assert queries
    bad = {}
    for title, query in queries.items():
        planned = plan(filled, query.replace("%", "%%"))
        assert planned is not None
        if wrong := faults(planned):
            bad[title] = wrong
    assert bad == {}
