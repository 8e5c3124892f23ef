"""Keeps storage in shape beside the consuming: aggregates where the database does not refresh them itself, and retention."""

import asyncio
import time

import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool

from aggregator import database
from quivive import sql

log = structlog.get_logger(__name__)

SQL = sql.load("aggregator", "sql/upkeep.sql")
REFRESH_S = 60.0
DROP_S = 3600.0


async def keep(pool: AsyncConnectionPool) -> None:
    """For as long as the task lives: refresh what is stale every minute, drop what is expired every hour."""
    dropped_at = -DROP_S
    while True:
        try:
            refreshed = await refresh(pool)
            if refreshed:
                log.info("latency.refreshed", hours=refreshed)
            if time.monotonic() - dropped_at >= DROP_S:
                await drop_expired(pool)
                dropped_at = time.monotonic()
        except (*database.PASSING, psycopg.errors.LockNotAvailable) as error:
            log.warning("upkeep.postponed", error=str(error))
        await asyncio.sleep(REFRESH_S)


async def refresh(pool: AsyncConnectionPool) -> int:
    """Bring every hour that is over and has new results up to date; how many. Raises one of `database.PASSING`."""
    async with pool.connection() as connection:
        if await _answer(connection, "has_jobs") is False:
            return 0
        hours = 0
        while await _answer(connection, "refresh_latency"):
            hours += 1
    return hours


async def drop_expired(pool: AsyncConnectionPool) -> None:
    """Drop and delete what is older than its plan keeps it. Raises LockNotAvailable while somebody reads a table for long."""
    async with pool.connection() as connection:
        await _answer(connection, "drop_expired")


async def _answer(connection: psycopg.AsyncConnection, statement: str) -> object:
    row = await (await connection.execute(SQL[statement])).fetchone()
    assert row is not None
    return row[0]
