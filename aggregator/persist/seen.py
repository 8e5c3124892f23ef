"""Stores what was seen: results by binary COPY, each once; evidence; poison.

Results go straight into their table, whose unique index refuses what is there already. Then, and for a while after it, they go by
way of a staging table, and duplicates are dropped. Duplicates are rare: a commit that went unanswered, an overlap of two agents;
and the staging takes several times as long.
"""

from collections.abc import Iterator, Sequence
from typing import Any, LiteralString

import psycopg
from google.protobuf.timestamp_pb2 import Timestamp
from psycopg.types.json import Jsonb

from aggregator.persist.batch import Poisoned, Seen
from aggregator.persist.staging import copy_bytes
from aggregator.persist.statements import SQL
from quivive.domain.times import to_datetime
from quivive.v1 import bus_pb2

STAGING_FOR = 20
"""Transactions with results, from one that met a duplicate on."""


async def prepare(connection: psycopg.AsyncConnection) -> None:
    """Make the staging table of a new connection."""
    await connection.execute(SQL["staging_create"])


class ResultStore:
    """Knows which of the two ways results take. Inside a transaction."""

    def __init__(self) -> None:
        self._staging_for = 0

    async def store(self, connection: psycopg.AsyncConnection, seen: Sequence[Seen]) -> None:
        """Results and their evidence; what is there already stays as it is."""
        if data := copy_bytes(seen):
            await self.store_rows(connection, data)
        if rows := list(_evidence(seen)):
            async with connection.cursor() as cursor:
                await cursor.executemany(SQL["evidence_store"], rows)

    async def store_rows(self, connection: psycopg.AsyncConnection, data: bytes) -> None:
        """Results alone, as `copy_bytes` has laid them out."""
        if not self._staging_for:
            try:
                async with connection.transaction():
                    await _copy(connection, SQL["results_copy"], data)
                return
            except psycopg.errors.UniqueViolation:
                self._staging_for = STAGING_FOR
        self._staging_for -= 1
        await store_staged(connection, data)


async def store_staged(connection: psycopg.AsyncConnection, data: bytes) -> None:
    """By way of the staging table, which `prepare` has made."""
    await _copy(connection, SQL["staging_copy"], data)
    await connection.execute(SQL["staging_store"])


async def _copy(connection: psycopg.AsyncConnection, statement: LiteralString, data: bytes) -> None:
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write(data)


async def set_aside(connection: psycopg.AsyncConnection, poisoned: Sequence[Poisoned]) -> None:
    """Keep what cannot be read, for the operator; only the newest, since an agent gone mad never stops."""
    if not poisoned:
        return
    async with connection.cursor() as cursor:
        await cursor.executemany(
            SQL["poison_store"],
            [(item.sequence, item.subject, to_datetime(item.time_us), item.reason, item.data) for item in poisoned],
        )
        await cursor.execute(SQL["poison_prune"])


def _evidence(seen: Sequence[Seen]) -> Iterator[tuple[Any, ...]]:
    for part in seen:
        results = part.results
        for index, evidence in results.evidence.items():
            if part.stored[index]:
                slot = to_datetime(int(results.slot_us[index]))
                content = Jsonb(_content(evidence))
                yield int(results.check[index]), slot, part.region, int(results.attempt[index]), content


def _content(evidence: bus_pb2.Evidence) -> dict[str, Any]:
    """What was seen, without what is empty. PostgreSQL's jsonb has no NUL character, a hostile body may."""
    content: dict[str, Any] = {
        "detail": _clean(evidence.detail),
        "address": _clean(evidence.address),
        "url": _clean(evidence.url),
        "headers": {_clean(name): _clean(value) for name, value in evidence.headers.items()},
        "body_excerpt": _clean(evidence.body_excerpt),
    }
    if evidence.hops:
        content["hops"] = [_hop(hop) for hop in evidence.hops]
    if evidence.HasField("certificate_expire_time"):
        content["certificate_expire_time"] = _iso(evidence.certificate_expire_time)
    if evidence.resolved:
        content["resolved"] = [_clean(address) for address in evidence.resolved]
    if evidence.HasField("certificate"):
        shown = evidence.certificate
        content["certificate"] = {
            "subject": _clean(shown.subject),
            "issuer": _clean(shown.issuer),
            "names": [_clean(name) for name in shown.names],
            "fingerprint": _clean(shown.fingerprint),
        }
    content |= {"body_hash": _clean(evidence.body_hash), "body_characters": evidence.body_characters}
    return {name: value for name, value in content.items() if value}


def _hop(hop: bus_pb2.Hop) -> dict[str, Any]:
    phases = {name: getattr(hop, name) / 10 for name in ("dns", "connect", "tls", "first_byte", "transfer")}
    return {"url": _clean(hop.url), "address": _clean(hop.address), "status": hop.status, "phases_ms": phases}


def _clean(text: str) -> str:
    return text.replace("\0", "�")


def _iso(moment: Timestamp) -> str:
    """In UTC; empty for an instant that no calendar has."""
    try:
        return moment.ToJsonString()
    except ValueError:
        return ""
