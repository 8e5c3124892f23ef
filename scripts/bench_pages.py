"""Measure a status page under a crowd while an outage changes it: requests a second on one core, reads per 1,000 requests."""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from servers import NatsServer, PostgresServer  # noqa: E402  the tests' servers, which are no package

from aggregator.migrate import migrate  # noqa: E402
from quivive.embedded.places import free_port  # noqa: E402

VISITORS = 32
SITES = 20
SEED = """
UPDATE quivive.plans SET status_page = true;
INSERT INTO quivive.customers (customer_id, title, plan_id, locale, timezone, status_page)
    VALUES ('martin', 'Boulangerie Martin', 'premium', 'fr', 'Europe/Paris', '{}');
INSERT INTO quivive.sites (site_id, customer_id, url, declared)
    SELECT 's' || n, 'martin', 'https://www' || n || '.example/', '{}' FROM generate_series(1, %(sites)s) AS n;
INSERT INTO quivive.checks (check_id, site_id, name, type, critical, revision, create_time)
    SELECT n, 's' || n, 'http', 'http', true, 1, now() - interval '91 days' FROM generate_series(1, %(sites)s) AS n;
INSERT INTO quivive.state_intervals (check_id, start_time, end_time, state, reason)
    SELECT n, now() - (91 - d) * interval '1 day', CASE WHEN d < 90 THEN now() - (90 - d) * interval '1 day' END,
           CASE WHEN (n + d) %% 30 = 0 THEN 3 ELSE 1 END, 'bench'
    FROM generate_series(1, %(sites)s) AS n, generate_series(0, 90) AS d;
"""


async def visit(url: str, until: float) -> int:
    """How many pages one visitor got."""
    count = 0
    async with httpx.AsyncClient(trust_env=False) as client:
        while time.monotonic() < until:
            (await client.get(url)).raise_for_status()
            count += 1
    return count


def crowd(url: str, seconds: float) -> int:
    async def all_of_them() -> int:
        until = time.monotonic() + seconds
        return sum(await asyncio.gather(*(visit(url, until) for _ in range(VISITORS // 2))))

    return asyncio.run(all_of_them())


def change(database_url: str, stop: float) -> None:
    """A site goes down and comes back, every other second."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        down = False
        while time.monotonic() < stop:
            down = not down
            with connection.transaction():
                connection.execute(
                    "UPDATE quivive.state_intervals SET end_time = now() WHERE check_id = 1 AND end_time IS NULL"
                )
                connection.execute(
                    "INSERT INTO quivive.state_intervals (check_id, start_time, state, reason) VALUES (1, now(), %s, 'bench')",
                    [3 if down else 1],
                )
            time.sleep(2)


def reads(base: str) -> float:
    found = re.search(r"^quivive_api_status_reads_total (\S+)$", httpx.get(f"{base}/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--visit", help="be a crowd for this page, and print how many pages it got")
    arguments = parser.parse_args()
    if arguments.visit:
        print(crowd(arguments.visit, arguments.seconds))
        return
    with tempfile.TemporaryDirectory() as folder:
        nats, postgres = NatsServer(Path(folder) / "nats").start(), PostgresServer(Path(folder) / "postgres").start()
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        try:
            migrate(postgres.url)
            with psycopg.connect(postgres.url, autocommit=True) as connection:
                connection.execute(SEED % {"sites": SITES})  # type: ignore[call-overload]
            environment = {
                **os.environ,
                "QUIVIVE_DATABASE_URL": postgres.url,
                "QUIVIVE_NATS_URL": nats.url,
                "QUIVIVE_GRPC_PORT": "0",
                "QUIVIVE_HTTP_PORT": str(port),
                "QUIVIVE_API_AUTH": "off",
            }
            api = subprocess.Popen(["taskset", "-c", "0", sys.executable, "-m", "api"], env=environment)
            try:
                figures = measure(base, postgres.url, arguments.seconds)
            finally:
                api.terminate()
                api.wait(10)
        finally:
            nats.stop()
            postgres.stop()
    for name, value in figures.items():
        print(f"{name:<40}{value:>12}")
    print(json.dumps(figures))


def measure(base: str, database_url: str, seconds: float) -> dict[str, float]:
    page = f"{base}/status/martin"
    deadline = time.monotonic() + 30
    while True:
        try:
            size = len(httpx.get(page).raise_for_status().content)
            break
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    before, started = reads(base), time.monotonic()
    command = ["taskset", "-c", "1", sys.executable, __file__, "--visit", page, "--seconds", str(seconds)]
    crowds = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    change(database_url, started + seconds)
    pages = sum(int(visitors.communicate()[0]) for visitors in crowds)
    took = time.monotonic() - started
    return {
        "requests_per_second": round(pages / took, 1),
        "database_reads_per_1000_requests": round((reads(base) - before) / pages * 1000, 2),
        "page_kib": round(size / 1024, 1),
        "requests": pages,
    }


if __name__ == "__main__":
    main()
