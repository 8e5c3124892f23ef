"""Leases in the database: each aggregator renews one, and owns shards for as long as it is good.

Whoever takes a shard increments its epoch, and only the newest epoch commits: see `aggregator.persist.writer`.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
import structlog
from psycopg.types.json import Jsonb

from aggregator import database
from aggregator.reports import Report
from quivive import sql

log = structlog.get_logger(__name__)

SQL = sql.load("aggregator", "sql/shards.sql")
LEASE = timedelta(seconds=5)
RENEW_S = 1.0
MISSED = LEASE - timedelta(seconds=1.5 * RENEW_S)
"""What is left of a lease whose last renewal did not come."""


class WrongShards(Exception):
    """The deployment was made with another number of shards; the text says which."""


class Fenced(Exception):
    """Another process took our shards over. Nothing more is recorded; this process must end."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A shard that is ours, and what its last owner left: stream positions and the core's state, None before the first."""

    shard: int
    epoch: int
    position: int
    snapshot_position: int
    snapshot: bytes | None
    stream_time: datetime | None = None
    """When the stream was made that the positions count in."""


@dataclass(frozen=True, slots=True)
class Member:
    """An aggregator with a good lease, what it said last, and how many shards it owns."""

    name: str
    report: Report
    shards: int


class Leases:
    """The lease of aggregator `name` in a deployment of `shards`. One session; after an error the next call makes a new one."""

    def __init__(self, url: str, name: str, shards: int) -> None:
        self.name = name
        self._url = url
        self._shards = shards
        self._connection: psycopg.AsyncConnection | None = None
        self._in_use = asyncio.Lock()
        self._joined = False

    async def join(self) -> None:
        """Be one of the aggregators. Raises WrongShards, and one of `database.PASSING`."""
        connection = await self._connect()
        row = await (await connection.execute(SQL["shards_count"])).fetchone()
        assert row is not None
        if row[0] not in (0, self._shards):
            raise WrongShards(f"this deployment was made with {row[0]} shards: set QUIVIVE_SHARDS={row[0]}")
        await connection.execute(SQL["shards_ensure"], {"shards": self._shards})
        self._joined = True  # perhaps, should the answer be lost
        await connection.execute(SQL["aggregator_join"], {"owner": self.name, "lease": LEASE})

    async def renew(self, report: Report) -> list[Member]:
        """For another `LEASE`; every aggregator, the first to come first. Raises Fenced, and one of `database.PASSING`."""
        async with self._in_use:
            connection = await self._connect()
            row = {"owner": self.name, "lease": LEASE, "report": Jsonb(report.to_json())}
            if (await connection.execute(SQL["aggregator_renew"], row)).rowcount != 1:
                raise Fenced("another aggregator found our lease run out")
            cursor = await connection.execute(SQL["aggregators"])
            return [Member(name, Report.of_json(told), shards) for name, told, shards in await cursor.fetchall()]

    async def bury(self) -> list[str]:
        """End those whose lease ran out, and free their shards; their names. Raises one of `database.PASSING`."""
        async with self._in_use:
            connection = await self._connect()
            async with connection.transaction():
                cursor = await connection.execute(SQL["aggregators_dead"], {"owner": self.name, "missed": MISSED})
                dead = [row[0] for row in await cursor.fetchall()]
                for name in dead:
                    await _end(connection, name)
                    await connection.execute(SQL["aggregator_leave"], {"aggregator": name})
            return dead

    async def take(self, most: int) -> list[Lease]:
        """Own so many more of the shards that are free. Raises one of `database.PASSING`."""
        async with self._in_use:
            connection = await self._connect()
            cursor = await connection.execute(SQL["shards_take"], {"owner": self.name, "most": most})
            return sorted((Lease(*row) for row in await cursor.fetchall()), key=lambda lease: lease.shard)

    async def keep(self, shards: Collection[int]) -> None:
        """Let others have every shard of ours but these. Raises one of `database.PASSING`."""
        async with self._in_use:
            connection = await self._connect()
            await connection.execute(SQL["shards_keep"], {"owner": self.name, "shards": list(shards)})

    async def leave(self) -> None:
        """Free what is ours at once, if the database can be had; else the lease runs out."""
        try:
            if self._joined:
                connection = await self._connect()
                await connection.execute(SQL["aggregator_leave"], {"aggregator": self.name})
        except database.PASSING as error:
            log.warning("lease.not_returned", error=str(error))
        finally:
            await self.close()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _connect(self) -> psycopg.AsyncConnection:
        if self._connection is not None and self._connection.broken:
            await self.close()
        if self._connection is None:
            self._connection = await database.connect(self._url, "quivive aggregator lease")
        return self._connection


async def _end(connection: psycopg.AsyncConnection, name: str) -> None:
    """Its sessions first of all: one that hangs inside a transaction holds rows that others wait for."""
    try:
        async with connection.transaction():
            row = {"aggregator": name, "writer": database.WRITER_NAME, "others": session_name(name)}
            await connection.execute(SQL["aggregator_end"], row)
    except psycopg.errors.InsufficientPrivilege as error:
        log.warning("owner.eviction_refused", aggregator=name, error=str(error))


def new_name() -> str:
    """Of this process, and of no other that was or will be: containers of one host all have process 1."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"


def session_name(name: str) -> str:
    """`application_name` of its sessions beside the one that commits; the database cuts long ones."""
    return f"quivive aggregator {name.rpartition('/')[2]}"


def share(members: Sequence[Member], name: str, shards: int) -> int:
    """How many shards the aggregator of that name should own; whoever came first has one more where it does not come out even."""
    names = [member.name for member in members]
    each, rest = divmod(shards, len(names))
    return each + (names.index(name) < rest)
