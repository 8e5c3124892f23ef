"""Arrays of the database as numpy columns: no Python object per value."""

from typing import LiteralString

import numpy as np
from numpy.typing import NDArray

from api.database import Database

Columns = list[NDArray[np.int64]]

INFINITY = np.iinfo(np.int64).max
"""`infinity` among instants."""
_TIMESTAMPTZ = 1184
_POSTGRES_EPOCH_US = 946_684_800_000_000
"""2000-01-01, from which PostgreSQL counts."""
_ELEMENT = np.dtype([("length", ">i4"), ("value", ">i8")])
_HEADER_BYTES = 20


async def read_columns(database: Database, query: LiteralString, count: int, **parameters: object) -> Columns:
    """The arrays of bigint or timestamptz that are the query's only row; instants become microseconds since the Unix epoch.

    Null, for no value at all, is an empty column; among the values there is no null.
    """
    values = await database.fetch_binary(query, **parameters)
    assert len(values) == count
    return [_column(value) for value in values]


def _column(value: bytes | None) -> NDArray[np.int64]:
    """The binary form of an array: dimensions, flag, type, then length and lower bound of the dimension, then the elements."""
    if value is None:
        return np.zeros(0, np.int64)
    dimensions, _, kind = np.frombuffer(value, ">i4", 3).tolist()
    if not dimensions:
        return np.zeros(0, np.int64)
    column = np.frombuffer(value, _ELEMENT, offset=_HEADER_BYTES)["value"].astype(np.int64)
    if kind == _TIMESTAMPTZ:
        column = np.where(column == INFINITY, INFINITY, column + _POSTGRES_EPOCH_US)
    return column
