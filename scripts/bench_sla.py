"""Measure SLA figures on a real database: a year of 10,000 sites' intervals. Table, then one JSON object.

Every site has one critical check; about 120 outages, partial outages and unknown spans a year each, maintenance every week,
an incident for each outage. Asked through the same functions as the gRPC service, messages included.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psycopg
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import compression
from servers import Unavailable

from aggregator.migrate import migrate
from api.calendars import Granularity, month_window
from api.database import Database
from api.figures import Span
from api.names import Subject
from api.services.sla_messages import figure_message
from api.sla import read_figures
from api.sla_many import read_all_figures
from quivive.domain.times import to_us
from quivive.domain.words import State
from quivive.embedded import database as embedded
from quivive.embedded.places import Places
from quivive.embedded.programs import command

END = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
MONTH = "2025-10"
"""With a change of summer time in it."""
SPANS_A_YEAR = 120
LIVES = 200


@contextmanager
def server(given: str | None) -> Iterator[str]:
    """The URL of an empty database: of the server that was named, or of an embedded one that goes when it is over."""
    if given:
        with psycopg.connect(given, autocommit=True) as admin:
            admin.execute("DROP DATABASE IF EXISTS quivive_bench_sla WITH (FORCE)")
            admin.execute("CREATE DATABASE quivive_bench_sla")
        base, _, _ = given.rpartition("/")
        yield f"{base}/quivive_bench_sla"
        return
    import subprocess

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        postgres = embedded.server(Places(Path(folder)))
        postgres.make()
        arguments, keywords = command(postgres.program)
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **keywords)
        try:
            while not postgres.is_ready():
                time.sleep(0.05)
            yield postgres.url
        finally:
            process.send_signal(postgres.program.stop_signal)
            process.wait(20)


def fill(url: str, sites: int) -> int:
    """The number of intervals."""
    rng = np.random.default_rng(1)
    with psycopg.connect(url) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute(
            "INSERT INTO quivive.customers (customer_id, title, plan_id, locale, timezone, holidays)"
            " SELECT 'c' || n, 'Customer ' || n, 'premium', 'fr', 'Europe/Paris', 'FR' FROM generate_series(1, %s) AS n",
            [max(1, sites // 20)],
        )
        connection.execute(
            "INSERT INTO quivive.sites (site_id, customer_id, url, declared, create_time)"
            " SELECT 's' || n, 'c' || (1 + n %% %s), 'https://s' || n || '.example/', '{}', %s"
            " FROM generate_series(1, %s) AS n",
            [max(1, sites // 20), END - YEAR, sites],
        )
        connection.execute(
            "INSERT INTO quivive.checks (check_id, site_id, name, type, critical, revision, create_time)"
            " SELECT n, 's' || n, 'http', 'http', true, 1, %s FROM generate_series(1, %s) AS n",
            [END - YEAR, sites],
        )
        connection.execute(
            "INSERT INTO quivive.maintenance (site_id, cron, duration_us, create_time)"
            " SELECT 's' || n, '0 3 * * SUN', 3600000000, %s FROM generate_series(1, %s) AS n",
            [END - YEAR, sites],
        )
        # The evidence log would note every row, and every reference would be looked up: another benchmark's business.
        connection.execute("ALTER TABLE quivive.state_intervals DISABLE TRIGGER ALL")
        connection.execute(
            "CREATE TEMPORARY TABLE lives (life integer, start_us bigint, end_us bigint, state smallint) ON COMMIT DROP"
        )
        with connection.cursor().copy("COPY lives FROM STDIN") as copy:
            for life in range(LIVES):
                write_life(rng, life, copy.write_row)
        # Each site has one of the lives, a little later than the next one.
        connection.execute(
            "INSERT INTO quivive.state_intervals (check_id, start_time, end_time, state, reason, incident_id)"
            " SELECT n, %(start)s + CASE l.start_us WHEN 0 THEN 0 ELSE l.start_us / 1e6 + n / 10 END * interval '1 s',"
            " %(start)s + (l.end_us / 1e6 + n / 10) * interval '1 s', l.state, 'bench',"
            " CASE l.state WHEN 3 THEN n || '-' || l.start_us END"
            " FROM generate_series(1, %(sites)s) AS n JOIN lives AS l ON l.life = n %% %(lives)s ORDER BY l.start_us",
            {"start": END - YEAR, "sites": sites, "lives": LIVES},
        )
        connection.execute("ALTER TABLE quivive.state_intervals ENABLE TRIGGER ALL")
        connection.execute(
            "INSERT INTO quivive.incidents (incident_id, check_id, site_id, customer_id, start_time, confirm_time, page_time,"
            " acknowledge_time, resolve_time, cause, responsibility, regions, detail, reason)"
            " SELECT i.incident_id, i.check_id, s.site_id, s.customer_id, i.start_time, i.start_time + interval '6 s',"
            " i.start_time + interval '7 s', i.start_time + interval '4 min', i.end_time, 41, 1, '{eu-west}', '', 'quorum'"
            " FROM quivive.state_intervals AS i JOIN quivive.checks AS c USING (check_id) JOIN quivive.sites AS s USING (site_id)"
            " WHERE i.incident_id IS NOT NULL"
        )
        row = connection.execute("SELECT count(*) FROM quivive.state_intervals").fetchone()
        assert row is not None
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) quivive.state_intervals, quivive.incidents, quivive.checks, quivive.sites")
    return int(row[0])


def write_life(rng: np.random.Generator, life: int, write: Callable[[tuple[object, ...]], None]) -> None:
    """Microseconds since the year began: up, and every third day or so something else."""
    starts = np.sort(rng.integers(1, YEAR // timedelta(microseconds=1), SPANS_A_YEAR))
    lengths = rng.integers(30_000_000, 1_800_000_000, SPANS_A_YEAR)
    kinds = rng.choice([State.DOWN, State.PARTIAL_OUTAGE, State.UNKNOWN], SPANS_A_YEAR)
    at = 0
    for begin, length, kind in zip(starts.tolist(), lengths.tolist(), kinds.tolist(), strict=True):
        if begin > at:
            write((life, at, begin, State.UP.value))
            write((life, begin, begin + length, kind))
            at = begin + length
    write((life, at, None, State.UP.value))


async def measure(url: str, sites: int, asks: int) -> tuple[float, float, float]:
    """One site's year, p50 and p99 in ms, in months; all sites' month in s, the median of three."""
    database = Database(url)
    await database.open()
    year = Span(to_us(END - YEAR), to_us(END))
    rng = np.random.default_rng(2)

    async def one() -> None:
        subject = Subject(site=f"s{rng.integers(1, sites + 1)}")
        for figure in await read_figures(database, subject, year, Granularity.MONTH, to_us(END)):
            figure_message(figure).SerializeToString()

    async def everyone() -> None:
        span = Span(to_us(datetime(2025, 9, 30, tzinfo=UTC)), to_us(datetime(2025, 11, 2, tzinfo=UTC)))
        found = await read_all_figures(database, span, lambda zone: month_window(MONTH, zone))
        assert len([figure_message(figure).SerializeToString() for figure in found]) == sites

    try:
        for _ in range(20):
            await one()
        ones = [await timed(one) for _ in range(asks)]
        await everyone()
        alls = [await timed(everyone) for _ in range(3)]
    finally:
        await database.close()
    return float(np.percentile(ones, 50)) * 1e3, float(np.percentile(ones, 99)) * 1e3, float(np.median(alls))


async def timed(ask: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await ask()
    return time.perf_counter() - began


def bytes_per_result(url: str | None) -> tuple[float | None, str]:
    """Stored and compressed, and on what server; None with the reason where it cannot be."""
    try:
        return compression.bytes_per_result(url)
    except Unavailable as error:
        return None, str(error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=10_000)
    parser.add_argument("--asks", type=int, default=500, help="questions for one site's year")
    parser.add_argument("--database-url", default=os.environ.get("QUIVIVE_TEST_DATABASE_URL"))
    arguments = parser.parse_args()
    console = Console()
    with server(arguments.database_url) as url:
        migrate(url)
        console.print(f"Writing a year of {arguments.sites:,} sites")
        intervals = fill(url, arguments.sites)
        p50, p99, month = asyncio.run(measure(url, arguments.sites, arguments.asks))
    stored, how = bytes_per_result(os.environ.get("QUIVIVE_BENCH_COMMUNITY_URL"))
    table = Table(title=f"SLA figures over {intervals:,} intervals of {arguments.sites:,} sites", title_justify="left")
    table.add_column("question")
    table.add_column("answer", justify="right")
    table.add_row("one site, 12 months by month, p50", f"{p50:.1f} ms")
    table.add_row("one site, 12 months by month, p99", f"{p99:.1f} ms")
    table.add_row("all sites, one month", f"{month:.2f} s")
    table.add_row(f"bytes per result ({how})", "-" if stored is None else f"{stored:.1f}")
    console.print(table)
    print(
        json.dumps(
            {
                "one_site_year_p50_ms": round(p50, 2),
                "one_site_year_p99_ms": round(p99, 2),
                "all_sites_month_s": round(month, 3),
                "bytes_per_result": stored if stored is None else round(stored, 2),
                "bytes_per_result_note": how,
                "sites": arguments.sites,
                "intervals": intervals,
            }
        )
    )


if __name__ == "__main__":
    main()
