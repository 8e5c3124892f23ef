"""How the aggregator connects to the database, and which of its errors pass by themselves."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import stamina
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from quivive import pooled

WRITER_NAME = "quivive aggregator writer"
"""`application_name` of the connection that commits results; a new owner ends a backend only under this name."""

PASSING = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction, PoolTimeout)
"""The server is away, full, failing over or in a deadlock: trying again is right. Anything else is our own fault."""


class Pooled(Exception):
    """Between us and the server stands a pooler, which our sessions cannot live with; the text says what to do."""


_PATIENCE: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "options": "-c timezone=UTC",
}


POOLED = (
    "QUIVIVE_DATABASE_URL leads to a connection pooler: the aggregator and its migration need sessions of their own "
    "(temporary tables, advisory locks, a backend that a new owner can end). Give them the server's own address"
)


def refuse_pooler(error: str) -> None:
    """Raises Pooled for what PgBouncer says to a client that sets options of its own."""
    if "unsupported startup parameter" in error:
        raise Pooled(POOLED) from None


async def connect(url: str, name: str) -> psycopg.AsyncConnection:
    """A connection in autocommit, so that transactions are only where they are written. Raises one of `PASSING`, and Pooled."""
    try:
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True, application_name=name, **_PATIENCE)
    except psycopg.OperationalError as error:
        refuse_pooler(str(error))
        raise
    try:
        row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
        assert row is not None
        if row[0] != connection.info.backend_pid:
            raise Pooled(POOLED)
    except BaseException:
        await connection.close()
        raise
    return connection


def pool(url: str, name: str = "quivive aggregator") -> AsyncConnectionPool:
    """A few connections for everything but committing results; not opened yet, and back by itself after an outage."""
    return AsyncConnectionPool(
        url,
        min_size=1,
        max_size=4,
        timeout=10,
        open=False,
        max_idle=20,
        check=pooled.check,
        kwargs={"autocommit": True, "application_name": name, **_PATIENCE},
    )


def patiently() -> AsyncIterator[stamina.Attempt]:
    """Attempts at something, `with` each of them, until it is done or fails with an error that does not pass."""
    return stamina.retry_context(
        on=PASSING, attempts=None, timeout=None, wait_initial=0.1, wait_max=5.0, wait_jitter=0.2
    ).__aiter__()


def connect_once(url: str) -> psycopg.Connection:
    """A blocking connection in autocommit, for the migration. Raises Pooled."""
    try:
        connection = psycopg.connect(url, autocommit=True, application_name="quivive migration", **_PATIENCE)
    except psycopg.OperationalError as error:
        refuse_pooler(str(error))
        raise
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    if row != (connection.info.backend_pid,):
        connection.close()
        raise Pooled(POOLED)
    return connection
