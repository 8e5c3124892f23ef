"""Owning shards: whoever takes them over increments their epochs, and only the newest epoch commits."""

from dataclasses import dataclass

import psycopg
import structlog

from aggregator import database
from quivive import sql

log = structlog.get_logger(__name__)

SQL = sql.load("aggregator", "sql/shards.sql")


class WrongShards(Exception):
    """The deployment was made with another number of shards; the text says which."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A shard that is ours, and what its last owner left: stream positions and the core's state, None before the first."""

    shard: int
    epoch: int
    position: int
    snapshot_position: int
    snapshot: bytes | None


async def take_all(url: str, shards: int, owner: str) -> list[Lease]:
    """Take every shard, whoever has it. Raises WrongShards, and one of `database.PASSING`."""
    async with await database.connect(url, "quivive aggregator") as connection:
        row = await (await connection.execute(SQL["shards_count"])).fetchone()
        assert row is not None
        if row[0] not in (0, shards):
            raise WrongShards(f"this deployment was made with {row[0]} shards: set QUIVIVE_SHARDS={row[0]}")
        # First of all: an owner that hangs inside a transaction holds the rows, and everything below would wait for it.
        try:
            await connection.execute(SQL["shards_evict"], {"writer": database.WRITER_NAME})
        except psycopg.errors.InsufficientPrivilege as error:
            log.warning("owner.eviction_refused", error=str(error))
        await connection.execute(SQL["shards_ensure"], {"shards": shards})
        cursor = await connection.execute(SQL["shards_take"], {"owner": owner})
        leases = [Lease(*row) for row in await cursor.fetchall()]
    log.info("shards.taken", shards=len(leases), owner=owner)
    return sorted(leases, key=lambda lease: lease.shard)
