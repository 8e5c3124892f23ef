"""How many bytes a result takes once TimescaleDB's Community edition has compressed it. Both benchmarks of storage say it."""

import argparse
import json
import math
import random
from uuid import uuid4

import psycopg
from psycopg import conninfo, sql

from aggregator.migrate import migrate

CHECKS = 150
REGIONS = 3
INTERVAL_S = 30
DAYS = 1
PHASES_MS = ((0.6, 0.25), (18.0, 0.06), (24.0, 0.06), (85.0, 0.15), (3.0, 0.35))
"""Median and spread (of the logarithm) of dns, connect, tls, first byte and transfer of one site; they vary by site, region."""


def bytes_per_result(admin_url: str) -> float:
    """Of a day of whole chunks, indexes included; `admin_url` is of a server with the Community edition."""
    name = f"quivive_bytes_{uuid4().hex[:8]}"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            url = conninfo.make_conninfo(admin_url, dbname=name)
            migrate(_as_url(url))
            with psycopg.connect(url, autocommit=True) as connection:
                stored = _fill(connection)
                connection.execute("SELECT compress_chunk(c) FROM show_chunks('quivive.results') AS c")
                row = connection.execute(
                    "SELECT sum(after_compression_total_bytes) FROM chunk_compression_stats('quivive.results')"
                ).fetchone()
                assert row is not None
                return float(row[0]) / stored
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _as_url(parameters: str) -> str:
    parts = conninfo.conninfo_to_dict(parameters)
    password = f":{parts['password']}" if "password" in parts else ""
    return f"postgresql://{parts['user']}{password}@{parts['host']}:{parts['port']}/{parts['dbname']}"


def _fill(connection: psycopg.Connection) -> int:
    """A day of good results on the staggered grid, with the noise of networks, of servers and of the agent's own start."""
    noise = random.Random(5)  # noqa: S311  for measuring
    stored = 0
    with connection.cursor().copy("COPY quivive.results FROM STDIN") as copy:
        for check in range(1, CHECKS + 1):
            for region in range(1, REGIONS + 1):
                medians = [median * noise.uniform(0.4, 2.0) for median, _ in PHASES_MS]
                phase_us = noise.randrange(INTERVAL_S * 1_000_000)
                for turn in range(DAYS * 86_400 // INTERVAL_S):
                    slot_us = turn * INTERVAL_S * 1_000_000 + phase_us
                    phases = [
                        round(10 * median * math.exp(noise.gauss(0, spread)))
                        for median, (_, spread) in zip(medians, PHASES_MS, strict=True)
                    ]
                    end_us = slot_us + round(noise.expovariate(1 / 800)) + 100 * sum(phases)
                    copy.write_row((check, _time(slot_us), _time(end_us), 1, *phases, region, 0, 1, 0, 200))
                    stored += 1
    return stored


def _time(us: int) -> str:
    seconds, rest = divmod(us, 1_000_000)
    return f"2026-03-01 {seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:06}+00"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "admin_url", help="a server with TimescaleDB's Community edition, as somebody who may make databases"
    )
    figure = bytes_per_result(parser.parse_args().admin_url)
    print(f"{figure:.2f} bytes per result, compressed")
    print(json.dumps({"bytes_per_result": figure}))


if __name__ == "__main__":
    main()
