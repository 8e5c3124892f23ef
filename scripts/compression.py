"""How many bytes a result takes once TimescaleDB's Community edition has compressed it. Both benchmarks of storage say it."""

import argparse
import json
import math
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import conninfo, sql

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from community import community, community_version
from servers import Unavailable

from aggregator.migrate import migrate

CHECKS = 10
PORTION = 480
REGIONS = 3
INTERVAL_S = 30
MIDNIGHT_S = 1_772_323_200
"""1 March 2026"""
PHASES_MS = ((0.6, 0.25), (18.0, 0.06), (24.0, 0.06), (85.0, 0.15), (3.0, 0.35))
"""Median and spread (of the logarithm) of dns, connect, tls, first byte and transfer of one site; they vary by site, region."""


def bytes_per_result(admin_url: str | None) -> tuple[float, str]:
    """And on what: a server with the Community edition, else the one of `make community`. Raises Unavailable without either."""
    if admin_url is None:
        with community() as connection:
            return measure(connection), community_version(connection)
    name = f"quivive_bytes_{uuid4().hex[:8]}"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            url = conninfo.make_conninfo(admin_url, dbname=name)
            migrate(_as_url(url))
            with psycopg.connect(url, autocommit=True) as connection:
                return measure(connection), community_version(connection)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def measure(connection: psycopg.Connection) -> float:
    """Of a day of whole chunks, indexes included, in a migrated database that is empty yet."""
    stored = _fill(connection)
    connection.execute("SELECT compress_chunk(c) FROM show_chunks('quivive.results') AS c")
    row = connection.execute(
        "SELECT sum(after_compression_total_bytes) FROM chunk_compression_stats('quivive.results')"
    ).fetchone()
    assert row is not None
    return float(row[0]) / stored


def _as_url(parameters: str) -> str:
    parts = conninfo.conninfo_to_dict(parameters)
    password = f":{parts['password']}" if "password" in parts else ""
    return f"postgresql://{parts['user']}{password}@{parts['host']}:{parts['port']}/{parts['dbname']}"


def _fill(connection: psycopg.Connection) -> int:
    """A day of good results on the staggered grid, with the noise of networks, of servers and of the agent's own start."""
    noise = random.Random(5)  # noqa: S311  for measuring
    stored = 0
    for check in range(1, CHECKS + 1):
        for region in range(1, REGIONS + 1):
            rows = list(_life(noise))
            # The edition that runs as WebAssembly has no COPY, and falls over long messages.
            for start in range(0, len(rows), PORTION):
                connection.execute(
                    "INSERT INTO quivive.results SELECT %s, to_timestamp(0) + s * interval '1 us',"
                    " to_timestamp(0) + e * interval '1 us', 1, a, b, c, d, f, %s, 0, 1, 0, 200 FROM unnest(%s::bigint[],"
                    " %s::bigint[], %s::integer[], %s::integer[], %s::integer[], %s::integer[], %s::integer[])"
                    " AS r (s, e, a, b, c, d, f)",
                    [check, region, *map(list, zip(*rows[start : start + PORTION], strict=True))],
                )
            stored += len(rows)
    return stored


def _life(noise: random.Random) -> Iterator[tuple[int, ...]]:
    """Slot, end and phases of a check's results from one region."""
    medians = [median * noise.uniform(0.4, 2.0) for median, _ in PHASES_MS]
    phase_us = noise.randrange(INTERVAL_S * 1_000_000)
    for turn in range(86_400 // INTERVAL_S):
        slot_us = MIDNIGHT_S * 1_000_000 + turn * INTERVAL_S * 1_000_000 + phase_us
        phases = [
            round(10 * median * math.exp(noise.gauss(0, spread)))
            for median, (_, spread) in zip(medians, PHASES_MS, strict=True)
        ]
        yield slot_us, slot_us + round(noise.expovariate(1 / 800)) + 100 * sum(phases), *phases


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "admin_url", nargs="?", help="a server with TimescaleDB's Community edition, as somebody who may make databases"
    )
    try:
        figure, server = bytes_per_result(parser.parse_args().admin_url)
    except Unavailable as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{figure:.2f} bytes per result, compressed, on {server}")
    print(json.dumps({"bytes_per_result": figure}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
