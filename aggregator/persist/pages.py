"""Stores what pages were seen to be like."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg

from aggregator.persist.batch import Seen
from quivive import sql
from quivive.domain.times import to_datetime

SQL = sql.load("aggregator", "sql/drift.sql")


async def store(connection: psycopg.AsyncConnection, seen: Sequence[Seen]) -> None:
    """The sightings of the results that are stored; what is there already stays as it is."""
    if rows := list(_rows(seen)):
        async with connection.cursor() as cursor:
            await cursor.executemany(SQL["sighting_store"], rows)


def _rows(seen: Sequence[Seen]) -> Iterator[tuple[Any, ...]]:
    for part in seen:
        results = part.results
        for index, features in results.pages.items():
            if part.stored[index]:
                slot = to_datetime(int(results.slot_us[index]))
                data = features.SerializeToString()
                yield int(results.revision[index]), results.region, slot, data, int(results.check[index])
