"""Appends to the evidence log what has been noted in `quivive.unsealed`, which every transaction that concludes something fills."""

import asyncio
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool

from aggregator import database
from aggregator.metrics import SEALED
from aggregator.seal import contents
from aggregator.seal.contents import Closed, Event
from quivive import sql
from quivive.domain.times import to_datetime
from quivive.evidence.chain import EMPTY, Content, Entry, Head, canonical, seal

log = structlog.get_logger(__name__)

SQL = sql.load("aggregator", "sql/seal.sql")

MOST = 1000
"""Notes taken at a time: a transaction of some tenths of a second."""
PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be: in the chain of `customer`, or, when he has been erased, in the chain that was his."""

    subject: str
    content: Content
    customer: str | None = None
    chain: UUID | None = None


class Sealer:
    """Any number of aggregators may run one: only one at a time gets to work."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def run(self) -> None:
        """Seal whatever there is, again and again, until cancelled."""
        while True:
            try:
                taken = await self.seal_some()
            except database.PASSING as error:
                log.warning("evidence.not_sealed", error=str(error).strip() or type(error).__name__)
                taken = 0
            if taken < MOST:
                await asyncio.sleep(PAUSE_S)

    async def seal_some(self) -> int:
        """Seal at most `MOST` notes; how many were taken. 0 also while another one seals.

        1. Take the oldest notes; they are gone when this commits, and still there when it does not.
        2. Read what they are about as it is now, and what its chain last said about it.
        3. Append what is new, in the order of the notes.
        """
        async with self._pool.connection() as connection, connection.transaction():
            locked = await (await connection.execute(SQL["lock"])).fetchone()
            if locked != (True,):
                return 0
            notes = await (await connection.execute(SQL["unsealed_take"], {"most": MOST})).fetchall()
            if not notes:
                return 0
            drafts = await _drafts(connection, sorted(notes))
            entries = await _append(connection, drafts)
        SEALED.inc(entries)
        if entries:
            log.info("evidence.sealed", entries=entries)
        return len(notes)


async def _drafts(connection: psycopg.AsyncConnection, notes: Iterable[tuple[Any, ...]]) -> list[Draft]:
    """What the notes give rise to, each subject once."""
    wanted: dict[tuple[Any, ...], None] = {}
    erasures: list[Draft] = []
    keys: list[str] = []
    for _, check, start, key, chain, erased in notes:
        if chain is not None:
            erasures.append(Draft(f"customer.erased/{chain}", contents.erasure(erased), chain=chain))
        elif key is not None:
            keys.append(key)
        else:
            wanted[check, start] = None
    cursor = await connection.execute(
        SQL["intervals"], {"checks": [check for check, _ in wanted], "starts": [start for _, start in wanted]}
    )
    intervals = {(row[0], row[1]): Closed(*row) for row in await cursor.fetchall()}
    cursor = await connection.execute(SQL["events"], {"keys": keys})
    events = {row[0]: Event(*row) for row in await cursor.fetchall()}
    newest = await _newest(connection, intervals.values())
    drafts = []
    for place in wanted:
        closed = intervals.get(place)
        # Without a row the check is gone with its customer.
        if closed is not None and (content := contents.interval(closed, newest.get(closed.subject))) is not None:
            drafts.append(Draft(closed.subject, content, closed.customer))
    drafts += [
        Draft(key, contents.event(events[key]), events[key].customer) for key in dict.fromkeys(keys) if key in events
    ]
    return drafts + erasures


async def _newest(connection: psycopg.AsyncConnection, intervals: Iterable[Closed]) -> dict[str, Content]:
    """What the customers' chains last said about the intervals, by subject."""
    intervals = list(intervals)
    chains = await _chains(connection, sorted({closed.customer for closed in intervals}), [])
    cursor = await connection.execute(
        SQL["newest"],
        {
            "chains": [chains[closed.customer][0] for closed in intervals],
            "subjects": [closed.subject for closed in intervals],
        },
    )
    return {subject: json.loads(content) for _, subject, content in await cursor.fetchall()}


async def _chains(
    connection: psycopg.AsyncConnection, customers: list[str], erased: list[UUID]
) -> dict[str | UUID, tuple[UUID, Head]]:
    """Chains and their heads by customer, and by id where there is none any more; made for whoever has none yet."""
    await connection.execute(SQL["chains_make"], {"customers": customers})
    cursor = await connection.execute(SQL["heads"], {"customers": customers, "chains": erased})
    return {
        customer or chain: (chain, EMPTY if sequence is None else Head(sequence, digest))
        for chain, customer, sequence, digest in await cursor.fetchall()
    }


async def _append(connection: psycopg.AsyncConnection, drafts: list[Draft]) -> int:
    customers = sorted({draft.customer for draft in drafts if draft.customer is not None})
    chains = await _chains(connection, customers, [draft.chain for draft in drafts if draft.chain is not None])
    row = await (await connection.execute("SELECT (extract(epoch FROM now()) * 1000000)::bigint")).fetchone()
    assert row is not None
    rows = []
    for draft in drafts:
        place = draft.customer if draft.customer is not None else draft.chain
        assert place is not None
        chain, head = chains[place]
        entry = seal(chain, head, draft.content, secrets.token_bytes(16), row[0])
        chains[place] = (chain, Head(entry.sequence, entry.hash))
        rows.append(_row(draft.subject, entry))
    if rows:
        async with connection.cursor() as cursor:
            await cursor.executemany(SQL["append"], rows)
    return len(rows)


def _row(subject: str, entry: Entry) -> tuple[object, ...]:
    assert entry.content is not None
    return (
        *(entry.chain, entry.sequence, to_datetime(entry.seal_us), subject, entry.salt),
        *(canonical(entry.content), entry.content_hash, entry.hash),
    )
