"""Reads the evidence log from the database."""

import json
from collections.abc import Generator
from typing import Any, LiteralString

import psycopg

from quivive.domain.times import to_us
from quivive.evidence.chain import Entry, Head

ENTRIES: LiteralString = """
SELECT e.chain_id, e.sequence, e.seal_time, e.salt, e.content, e.content_hash, e.hash
FROM quivive.sealed_entries AS e JOIN quivive.chains AS c USING (chain_id)
WHERE %(customer)s::text IS NULL OR c.customer_id = %(customer)s
ORDER BY e.chain_id, e.sequence
"""
HEADS: LiteralString = """
SELECT DISTINCT ON (chain_id) sequence, hash FROM quivive.sealed_entries ORDER BY chain_id, sequence DESC
"""
ROWS_AT_A_TIME = 2000


def entry(row: tuple[Any, ...]) -> Entry:
    """An entry from the columns of `ENTRIES`."""
    chain, sequence, seal_time, salt, content, content_hash, digest = row
    said = None if content is None else json.loads(content)
    return Entry(chain, sequence, to_us(seal_time), salt, said, content_hash, digest)


def read_entries(connection: psycopg.Connection, customer: str | None = None) -> Generator[Entry, None, None]:
    """A customer's chain, or all chains one after the other. Memory does not grow with their length."""
    with connection.transaction(), connection.cursor(name="entries") as cursor:
        cursor.itersize = ROWS_AT_A_TIME
        cursor.execute(ENTRIES, {"customer": customer})
        for row in cursor:
            yield entry(row)


def read_heads(connection: psycopg.Connection) -> list[Head]:
    """The newest entry of every chain; none before the log exists."""
    (known,) = connection.execute("SELECT to_regclass('quivive.sealed_entries') IS NOT NULL").fetchone() or (False,)
    return [Head(*row) for row in connection.execute(HEADS).fetchall()] if known else []
