"""What `quivive up` tells the person who started it."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from quivive import __version__
from quivive.embedded.lines import Console

NAME = "quivive"
POLL_S = 0.1

PROGRESS = "SELECT coalesce(sum(position), 0) FROM quivive.shards"
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
            ("broker", self.broker),
            ("database", self.database),
        ]
        if self.mail is not None:
            rows.append(("mail", f"{self.mail} (the demo sends none)"))
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


async def progress(database_url: str) -> int:
    """How far the aggregator has stored what it was sent: a sum that only grows."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        row = await (await connection.execute(PROGRESS)).fetchone()
        return int(row[0]) if row else 0


async def first_result(database_url: str, before: int, started: float, console: Console) -> None:
    """Wait for the first result that this run stores, and say so; without a check there is nothing to wait for."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        row = await (await connection.execute(CHECKS)).fetchone()
        if row is None or row[0] == 0:
            console.write(NAME, "nothing is watched yet: quivive apply -f FILE")
        while True:
            row = await (await connection.execute(PROGRESS)).fetchone()
            if row and row[0] > before:
                console.write(NAME, f"first result stored, {time.monotonic() - started:.1f} s after the start")
                return
            await asyncio.sleep(POLL_S)
