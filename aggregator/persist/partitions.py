"""Native partitions of `results` by UTC day of the slot; a hypertable makes its own."""

from collections.abc import Iterable

import numpy as np
import psycopg
import structlog

from aggregator.persist.batch import Seen
from aggregator.persist.statements import SQL
from quivive.domain.times import to_datetime

log = structlog.get_logger(__name__)

DAY_US = 86_400_000_000


class Partitions:
    """Makes sure that a day's partition is there before its first result is."""

    def __init__(self) -> None:
        self._days: set[int] = set()
        self._native: bool | None = None

    async def ensure(self, connection: psycopg.AsyncConnection, seen: Iterable[Seen]) -> None:
        """Create what is missing for these results, and for tomorrow. Each in a transaction of its own."""
        if self._native is None:
            row = await (await connection.execute(SQL["storage_is_native"])).fetchone()
            assert row is not None
            self._native = row[0]
        if not self._native:
            return
        days: set[int] = set()
        for part in seen:
            for day in np.unique(part.results.slot_us // DAY_US).tolist():
                days.update((day, day + 1))
        for day in sorted(days - self._days):
            await self._make(connection, day)
            self._days.add(day)

    async def _make(self, connection: psycopg.AsyncConnection, day: int) -> None:
        start = to_datetime(day * DAY_US)
        row = await (await connection.execute(SQL["partition_make"], [start.date()])).fetchone()
        if row == (True,):
            log.info("partition.made", day=f"{start:%Y-%m-%d}")
