"""What the bus has not acknowledged, written down: it survives a kill -9, and is bounded in size and age.

1. Results are written within milliseconds after their attempt, as pieces of batches; one transaction takes all that came together.
2. Acknowledged batches are removed with the next transaction.
3. Beyond the bounds the oldest go; how many results that cost is told.

Nothing is forced to the disk: a killed process loses nothing, a machine that loses power may lose the last seconds.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Self

import structlog

from probe_agent.backlog import Parcel
from probe_agent.batches import Piece
from quivive import sql, subjects

log = structlog.get_logger(__name__)

FILE, LOCK = "spool.sqlite", "lock"
MEMORY_BYTES = 64 * 1024 * 1024
"""Of a spool that is not on disk."""
CHECKPOINT_PAGES = 256
"""A short pause each time instead of a long one now and then."""
SHRINK_PAGES = 256
"""Given back to the file system at a time."""
LATEST = 2**62
"""Above any number."""

_SQL = sql.load("probe_agent", "spool.sql")


class SpoolInUse(Exception):
    """Another agent, which still runs, has this folder."""


class SpoolFailed(Exception):
    """It cannot be written or read any more, and why."""


class Spool:
    """Batches by number. Times in microseconds since the Unix epoch."""

    def __init__(self, database: sqlite3.Connection, region: str, max_bytes: int, max_age: timedelta) -> None:
        self._database = database
        self._region = region
        self._max_bytes = max_bytes
        self._max_age_us = max_age // timedelta(microseconds=1)
        self._lock: int | None = None
        database.execute(_SQL["create"])
        last, results, size, batches = database.execute(_SQL["contents"]).fetchone()
        self.results: int = results
        self.bytes: int = size
        self.batches: int = batches
        self.next_number: int = last + 1
        """Numbers go on where an earlier agent's ended."""

    @classmethod
    def in_memory(cls, region: str, max_bytes: int, max_age: timedelta) -> Self:
        """A spool that ends with the process."""
        return cls(sqlite3.connect(":memory:", isolation_level=None), region, min(max_bytes, MEMORY_BYTES), max_age)

    @classmethod
    def open(cls, folder: Path, region: str, max_bytes: int, max_age: timedelta) -> Self:
        """The spool in that folder, made when there is none. SpoolInUse, or OSError when the folder cannot be had.

        One that cannot be read is put away under another name, and a new one begun.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = _take(folder / LOCK)
        path = folder / FILE
        try:
            spool = cls(_connect(path), region, max_bytes, max_age)
        except sqlite3.DatabaseError as error:
            log.error("spool.put_away", reason=str(error), file=f"{path.name}.broken")
            for suffix in ("-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
            try:
                path.replace(f"{path}.broken")
                spool = cls(_connect(path), region, max_bytes, max_age)
            except sqlite3.DatabaseError as second:
                os.close(lock)
                raise OSError(None, str(second)) from second
        spool._lock = lock
        return spool

    def replacement(self) -> Self:
        """A spool in memory that goes on with the numbers of this one."""
        other = self.in_memory(self._region, self._max_bytes, timedelta(microseconds=self._max_age_us))
        other.next_number = self.next_number
        return other

    def write(self, agent: str, pieces: Sequence[Piece], acknowledged: Iterable[int], now_us: int) -> None:
        """Write down what came and strike out what the bus has. SpoolFailed: nothing of it is done."""
        rows = [
            (
                *(piece.number, piece.part, now_us, agent),
                *(subjects.results(piece.shard, self._region), piece.results, piece.payload),
            )
            for piece in pieces
        ]
        try:
            with self._transaction():
                self._database.executemany(_SQL["insert"], rows)
                removed = [self._remove(number) for number in acknowledged]
        except sqlite3.Error as error:
            raise SpoolFailed(str(error)) from error
        begun = [piece for piece in pieces if piece.part == 0]
        self.next_number = max([self.next_number, *(piece.number + 1 for piece in begun)])
        self.batches += len(begun) - sum(1 for results, _ in removed if results)
        self.results += sum(piece.results for piece in pieces) - sum(results for results, _ in removed)
        self.bytes += sum(map(_size, rows)) - sum(size for _, size in removed)

    def read(self, after: int, before: int, limit: int) -> list[Parcel]:
        """The first batches with numbers between these two, whole, about as many as `limit`. SpoolFailed."""
        try:
            rows = self._database.execute(_SQL["between"], (after, before, limit)).fetchall()
            if len(rows) == limit:  # the last one may go on
                last = rows[-1][0]
                rows = [row for row in rows if row[0] != last]
                rows += self._database.execute(_SQL["between"], (last - 1, last + 1, -1)).fetchall()
        except sqlite3.Error as error:
            raise SpoolFailed(str(error)) from error
        parcels: dict[int, Parcel] = {}
        for number, agent, subject, results, payload in rows:
            known = parcels.get(number)
            if known is not None:
                payload, results = known.payload + payload, known.results + results
            parcels[number] = Parcel(number, agent, subject, payload, results)
        return list(parcels.values())

    def give_up(self, before: int, now_us: int) -> int:
        """Let go of what is too old, and of the oldest beyond the bound, among the numbers below `before`.

        Returns the number of results. SpoolFailed.
        """
        given_up = 0
        try:
            while doomed := self._doomed(before, now_us):
                with self._transaction():
                    removed = [self._remove(number) for number in doomed]
                given_up += sum(results for results, _ in removed)
                self.batches -= len(removed)
                self.bytes -= sum(size for _, size in removed)
            # Not execute(), which makes one step, and a step gives back one page.
            self._database.executescript(f"PRAGMA incremental_vacuum({SHRINK_PAGES})")
        except sqlite3.Error as error:
            raise SpoolFailed(str(error)) from error
        self.results -= given_up
        return given_up

    def close(self) -> None:
        """Leave it to the next agent."""
        with suppress(sqlite3.Error):  # what could be written is written
            self._database.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _doomed(self, before: int, now_us: int) -> list[int]:
        oldest_us, excess = now_us - self._max_age_us, self.bytes - self._max_bytes
        doomed = []
        for number, time_us, size in self._database.execute(_SQL["oldest"], (before,)).fetchall():
            if time_us >= oldest_us and excess <= 0:
                break
            doomed.append(number)
            excess -= size
        return doomed

    def _remove(self, number: int) -> tuple[int, int]:
        """The results and bytes that a batch had."""
        rows = self._database.execute(_SQL["remove"], (number,)).fetchall()
        return sum(row[0] for row in rows), sum(row[1] for row in rows)

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._database)


class _Transaction:
    """All or nothing. sqlite3's own context manager begins only with the first statement that it takes for a change."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._database.execute("COMMIT")
        elif self._database.in_transaction:
            with suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")


def _size(row: tuple[int, int, int, str, str, int, bytes]) -> int:
    """What a piece counts for, as spool.sql counts it."""
    return len(row[3]) + len(row[4]) + len(row[6])


def _connect(path: Path) -> sqlite3.Connection:
    """An opened and checked file. sqlite3.DatabaseError."""
    database = sqlite3.connect(path, isolation_level=None)
    try:
        for name, value in {
            "auto_vacuum": "INCREMENTAL",
            "journal_mode": "WAL",
            "synchronous": "OFF",
            "wal_autocheckpoint": str(CHECKPOINT_PAGES),
            "journal_size_limit": str(4 * 1024 * 1024),
        }.items():
            database.execute(f"PRAGMA {name} = {value}")
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
    except sqlite3.Error:
        database.close()
        raise
    return database


def _take(path: Path) -> int:
    """The lock, which the kernel takes back when the process ends, however it does."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise SpoolInUse(f"another agent uses {path.parent}") from None
    return lock
