"""Stores the certificates that servers showed: what is known already is only seen once more."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import psycopg
from google.protobuf.timestamp_pb2 import Timestamp

from aggregator.persist.batch import Seen
from aggregator.persist.statements import SQL
from quivive.domain.times import to_datetime

LONGEST = 500
"""Characters of any text; an authority signs whatever it likes."""


async def store(connection: psycopg.AsyncConnection, seen: Sequence[Seen]) -> None:
    """Every sighting of a result that is stored. In the order of their keys, so that two writers do not wait for each other."""
    rows = sorted(_rows(seen), key=lambda row: (row["check"], row["host"], row["fingerprint"]))
    if rows:
        async with connection.cursor() as cursor:
            await cursor.executemany(SQL["certificate_store"], rows)


def _rows(seen: Sequence[Seen]) -> Iterator[dict[str, Any]]:
    for part in seen:
        results = part.results
        for sighting in results.certificates:
            if part.stored[sighting.result]:
                yield {
                    "check": int(results.check[sighting.result]),
                    "host": _clean(sighting.host),
                    "fingerprint": _clean(sighting.fingerprint),
                    "address": _clean(sighting.address),
                    "subject": _clean(sighting.subject),
                    "issuer": _clean(sighting.issuer),
                    "names": [_clean(name) for name in sighting.names],
                    "not_before": _moment(sighting.not_before),
                    "not_after": _moment(sighting.not_after),
                    "protocol": _clean(sighting.protocol),
                    "cipher": _clean(sighting.cipher),
                    "verified": sighting.verified,
                    "time": to_datetime(int(results.end_us[sighting.result])),
                }


def _clean(text: str) -> str:
    return text[:LONGEST].replace("\0", "�")


def _moment(moment: Timestamp) -> datetime | None:
    """None for an instant that no calendar has."""
    try:
        return to_datetime(moment.ToMicroseconds())
    except (ValueError, OverflowError):
        return None
