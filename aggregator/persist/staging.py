"""Results as PostgreSQL's binary COPY format, laid out by numpy: no Python object per row.

No column is ever null, so every row has the same width: a count of fields, then for each its length and its big-endian value.
Rows lie in the order of their checks, as in the index of their identity, so that neighbours find the same pages of it in memory.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregator.persist.batch import Seen

POSTGRES_EPOCH_US = 946_684_800_000_000
"""2000-01-01, from which PostgreSQL counts its microseconds."""
COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER = b"\xff\xff"

COLUMNS = {
    "check_id": ">i8",
    "slot": ">i8",
    "end_time": ">i8",
    "revision": ">i4",
    "dns": ">i4",
    "connect": ">i4",
    "tls": ">i4",
    "first_byte": ">i4",
    "transfer": ">i4",
    "region": ">i2",
    "attempt": ">i2",
    "outcome": ">i2",
    "cause": ">i2",
    "http_status": ">i2",
}
"""The columns of quivive.results, in its order."""
PHASES = ("dns", "connect", "tls", "first_byte", "transfer")

ROW = np.dtype([("fields", ">i2"), *((name, [("length", ">i4"), ("value", kind)]) for name, kind in COLUMNS.items())])


def _blank() -> NDArray[np.void]:
    row: NDArray[np.void] = np.zeros(1, ROW)
    row["fields"] = len(COLUMNS)
    for name, kind in COLUMNS.items():
        row[name]["length"] = np.dtype(kind).itemsize
    return row


_BLANK = _blank()


def copy_bytes(batch: Sequence[Seen]) -> bytes:
    """The stored results of a batch as one whole COPY stream; empty without any."""
    counts = [int(seen.stored.sum()) for seen in batch]
    if not sum(counts):
        return b""
    rows: NDArray[np.void] = np.repeat(_BLANK, sum(counts))
    start = 0
    for seen, count in zip(batch, counts, strict=True):
        _fill(rows[start : start + count], seen)
        start += count
    order = np.argsort(rows["check_id"]["value"].astype(np.int64))
    return b"".join([COPY_HEADER, rows[order].tobytes(), COPY_TRAILER])


def _fill(rows: NDArray[np.void], seen: Seen) -> None:
    results, stored = seen.results, seen.stored
    values: dict[str, NDArray[Any]] = {
        "check_id": results.check,
        "slot": results.slot_us - POSTGRES_EPOCH_US,
        "end_time": results.end_us - POSTGRES_EPOCH_US,
        "revision": results.revision,
        "attempt": results.attempt,
        "outcome": results.outcome,
        "cause": results.cause,
        "http_status": results.http_status,
        **{name: results.phases[:, column] for column, name in enumerate(PHASES)},
    }
    for name, column in values.items():
        rows[name]["value"] = column[stored]
    rows["region"]["value"] = seen.region
