"""Arrays of the database as lists, of several queries in one round trip: no object per row. `api.columns` is the same for numpy."""

import struct
from collections.abc import Iterator, Sequence
from typing import Any, LiteralString

from api.database import Database

Value = Any
"""int, str or None: which one, the query says."""

_HEADER = struct.Struct(">iiiii")
_NUMBER = struct.Struct(">iq")
_LENGTH = struct.Struct(">i")
_TEXT, _TIMESTAMPTZ = 25, 1184
_INFINITY = 2**63 - 1
"""`infinity` among instants."""
_POSTGRES_EPOCH_US = 946_684_800_000_000
"""2000-01-01, from which PostgreSQL counts."""


async def read_arrays(database: Database, *queries: LiteralString, **parameters: object) -> list[list[list[Value]]]:
    """Each query's only row, whose columns are arrays of text, bigint or timestamptz; instants become microseconds since the Unix
    epoch. Null, for no value at all, is an empty list; `infinity`, and the greatest bigint, is None.
    """
    return [[list(_values(value)) for value in row] for row in await database.fetch_binaries(*queries, **parameters)]


def _values(value: bytes | None) -> Iterator[Value] | Sequence[Value]:
    """The binary form of an array: dimensions, flag, type, then length and lower bound of the dimension, then the elements."""
    if value is None or not int.from_bytes(value[:4], "big"):
        return ()
    _, _, kind, _, _ = _HEADER.unpack_from(value)
    if kind == _TEXT:
        return _texts(value)
    since = _POSTGRES_EPOCH_US if kind == _TIMESTAMPTZ else 0
    body = memoryview(value)[_HEADER.size :]
    return [None if number == _INFINITY else number + since for _, number in _NUMBER.iter_unpack(body)]


def _texts(value: bytes) -> Iterator[str | None]:
    at = _HEADER.size
    while at < len(value):
        (length,) = _LENGTH.unpack_from(value, at)
        at += _LENGTH.size
        if length < 0:
            yield None
        else:
            yield value[at : at + length].decode()
            at += length
