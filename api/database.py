"""The database: a pool that outlives restarts, rows as dataclasses, and driver errors mapped to ours."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, LiteralString, TypeVar

import psycopg
import structlog
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import AsyncRowFactory, class_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from api.errors import DeadlineExceeded, InvalidArgument, Unavailable
from quivive import pooled

log = structlog.get_logger(__name__)

T = TypeVar("T")

_PINNED: ContextVar[AsyncConnection[Any] | None] = ContextVar("pinned", default=None)

CONNECT_TIMEOUT_S = 3
STATEMENT_TIMEOUT_MS = 30_000
WAIT_S = 4.0
"""How long a request waits for a connection before it is told that the database is away."""


class Database:
    """Reads in autocommit, writes in `transaction`. Raises Unavailable while the database is away."""

    def __init__(self, url: str, on_write: Callable[[AsyncConnection[Any]], Awaitable[None]] | None = None) -> None:
        """`on_write` is called at the end of each transaction, and is part of it."""
        self._on_write = on_write
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=8,
            open=False,
            timeout=WAIT_S,
            # Attempts back off exponentially; giving up early makes the next request start afresh.
            reconnect_timeout=5.0,
            max_idle=20,
            check=pooled.check,
            kwargs={
                "autocommit": True,
                "application_name": "quivive-api",
                "connect_timeout": CONNECT_TIMEOUT_S,
                "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC",
            },
        )

    async def open(self) -> None:
        """Start connecting; does not wait for it."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=1.0)

    async def fetch(self, row: type[T], query: LiteralString, **parameters: object) -> list[T]:
        """All rows of a query, each as a `row`, whose fields are named like the columns."""
        with _mapped_errors():
            async with self._connection() as connection, connection.cursor(row_factory=class_row(row)) as cursor:
                await cursor.execute(query, parameters)
                return await cursor.fetchall()

    async def fetch_rows(self, factory: AsyncRowFactory[T], query: LiteralString, **parameters: object) -> list[T]:
        """All rows of a query, as the factory makes them."""
        with _mapped_errors():
            async with self._connection() as connection, connection.cursor(row_factory=factory) as cursor:
                await cursor.execute(query, parameters)
                return await cursor.fetchall()

    async def execute(self, query: LiteralString, **parameters: object) -> int:
        """Carry a statement out, by itself; how many rows it touched."""
        with _mapped_errors():
            async with self._pool.connection() as connection:
                return (await connection.execute(query, parameters)).rowcount

    async def fetch_binary(self, query: LiteralString, **parameters: object) -> list[bytes | None]:
        """The values of a query's only row as they come over the wire, in PostgreSQL's binary form."""
        with _mapped_errors():
            async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
                await cursor.execute(query, parameters)
                return _only_row(cursor)

    async def fetch_binaries(self, *queries: LiteralString, **parameters: object) -> list[list[bytes | None]]:
        """As `fetch_binary`, of several queries in one round trip and of one moment. Each takes those parameters that it names.

        Their plans are the same whatever the parameters: planning takes longer than such a query.
        """
        with _mapped_errors():
            async with self._pool.connection() as connection:
                async with connection.pipeline(), connection.transaction():
                    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
                    cursors = [await connection.cursor(binary=True).execute(query, parameters) for query in queries]
                return [_only_row(cursor) for cursor in cursors]

    @asynccontextmanager
    async def consistent(self) -> AsyncIterator[None]:
        """Within, this task's `fetch` reads the database as it is at one instant."""
        with _mapped_errors():
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                reset = _PINNED.set(connection)
                try:
                    yield
                finally:
                    _PINNED.reset(reset)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        pinned = _PINNED.get()
        if pinned is not None:
            yield pinned
            return
        async with self._pool.connection() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection[Any]]:
        """A connection in a transaction: committed at the end, rolled back by any exception."""
        with _mapped_errors():
            async with self._pool.connection() as connection, connection.transaction():
                yield connection
                if self._on_write is not None:
                    await self._on_write(connection)

    async def not_ready(self) -> str | None:
        """Why reads would fail, None when they would not."""
        try:
            await self.fetch(_Revision, "SELECT revision FROM quivive.configuration")
        except (Unavailable, DeadlineExceeded) as error:
            return error.message
        return None


def _only_row(cursor: AsyncCursor[Any]) -> list[bytes | None]:
    result = cursor.pgresult
    assert result is not None
    assert result.ntuples == 1
    return [result.get_value(0, column) for column in range(result.nfields)]


class _Revision:
    def __init__(self, revision: int) -> None:
        self.revision = revision


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise DeadlineExceeded("TOO_SLOW", "the database took too long") from error
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise Unavailable("DATABASE_NOT_MIGRATED", "the database has no schema yet") from error
    except psycopg.DataError as error:
        raise InvalidArgument("BAD_VALUE", f"a value cannot be stored: {error}") from error
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
        log.warning("database.failed", error=str(error).strip() or type(error).__name__)
        raise Unavailable("DATABASE_UNAVAILABLE", "the database is away at present") from error
