"""Remembers which hours got results, for whoever brings their aggregates up to date."""

from collections.abc import Iterable

import numpy as np
import psycopg

from aggregator.persist.batch import Seen
from aggregator.persist.statements import SQL
from quivive.domain.times import to_datetime

HOUR_US = 3_600_000_000


async def mark_stale(connection: psycopg.AsyncConnection, seen: Iterable[Seen]) -> None:
    """Note the hours of these results, where the database does not find out by itself."""
    hours: set[int] = set()
    for part in seen:
        hours.update(np.unique(part.results.slot_us // HOUR_US).tolist())
    if hours:
        await connection.execute(SQL["hours_stale"], [[to_datetime(hour * HOUR_US) for hour in sorted(hours)]])
