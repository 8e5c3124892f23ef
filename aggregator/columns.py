"""Protobuf's packed columns as numpy arrays, read from the bytes as they came, without a Python object per entry."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MAX_VARINT_BYTES = 5
"""More are a negative or a 64-bit number, which no column of ours holds."""


class BadColumn(ValueError):
    """Bytes that are not such a column."""


def fixed(parts: Sequence[bytes], kind: str) -> NDArray[np.generic]:
    """Fixed-width entries, `kind` being numpy's name of the little-endian type. Raises BadColumn."""
    data = parts[0] if len(parts) == 1 else b"".join(parts)
    if len(data) % np.dtype(kind).itemsize:
        raise BadColumn("ends inside an entry")
    return np.frombuffer(data, kind)


def varints(parts: Sequence[bytes]) -> NDArray[np.int64]:
    """Varints of up to five bytes, as unsigned numbers. Raises BadColumn."""
    data = np.frombuffer(parts[0] if len(parts) == 1 else b"".join(parts), np.uint8)
    ends = np.flatnonzero(data < 0x80)
    if len(ends) == len(data):
        return data.astype(np.int64)
    if not len(ends) or ends[-1] != len(data) - 1:
        raise BadColumn("ends inside an entry")
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    if lengths.max() > MAX_VARINT_BYTES:
        raise BadColumn("has an entry of more than 32 bits")
    place = np.arange(len(data)) - np.repeat(starts, lengths)
    return np.add.reduceat((data & 0x7F).astype(np.int64) << (7 * place), starts)


def zigzags(parts: Sequence[bytes]) -> NDArray[np.int64]:
    """Varints that hold signed numbers as protobuf's sint does. Raises BadColumn."""
    folded = varints(parts)
    unfolded: NDArray[np.int64] = (folded >> 1) ^ -(folded & 1)
    return unfolded
