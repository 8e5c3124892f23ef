"""What `quivive up` tells the person who started it."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from quivive import __version__
from quivive.embedded.lines import Console

NAME = "quivive"
POLL_S = 0.1

STORED = """
    SELECT EXISTS (
        SELECT FROM quivive.checks AS c, LATERAL (
            SELECT FROM quivive.results AS r WHERE r.check_id = c.check_id AND r.slot > %s LIMIT 1
        ) AS newest
    )
"""
CHECKS = "SELECT count(*) FROM quivive.checks WHERE delete_time IS NULL AND NOT paused"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What is where; passwords are not shown, they are in `secrets.json`."""

    web: str
    grpc: str
    regions: Sequence[str]
    simulated: bool
    data_dir: Path
    broker: str
    database: str
    mail: Path | None

    def lines(self, seconds: float) -> list[str]:
        regions = ", ".join(self.regions) + (" (simulated: they share this machine)" if self.simulated else "")
        rows = [
            ("web", self.web),
            ("gRPC", self.grpc),
            ("regions", regions),
            ("data", str(self.data_dir)),
            ("token", f"{self.data_dir / 'token'} (whoever can read it is an operator; the command finds it)"),
            ("broker", self.broker),
            ("database", self.database),
        ]
        if self.mail is not None:
            rows.append(("mail", f"{self.mail} (kept here, none leaves this machine)"))
        title = f"Quivive {__version__} is up, {seconds:.1f} s after its start. Ctrl-C stops it."
        return [title, *(f"  {name:<9} {value}" for name, value in rows)]


def process_start() -> float:
    """When this process was started, on the clock of time.monotonic(): the user has been waiting since then."""
    ticks = int(Path("/proc/self/stat").read_text("ascii").rpartition(")")[2].split()[19])
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.monotonic() - age


def without_password(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


async def first_result(database_url: str, started: float, console: Console) -> None:
    """Wait for the first result of this run in the database, and say so; without a check there is nothing to wait for."""
    start_time = datetime.now(UTC) - timedelta(seconds=time.monotonic() - started)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        row = await (await connection.execute(CHECKS)).fetchone()
        if row is None or row[0] == 0:
            console.write(NAME, "nothing is watched yet: quivive apply -f FILE")
        while True:
            row = await (await connection.execute(STORED, [start_time])).fetchone()
            if row and row[0]:
                console.write(NAME, f"first result stored, {time.monotonic() - started:.1f} s after the start")
                return
            await asyncio.sleep(POLL_S)
