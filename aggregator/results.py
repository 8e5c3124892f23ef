"""A batch from the bus as columns of numpy arrays: what is decided on and what is stored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from aggregator.columns import BadColumn, fixed, varints, zigzags
from quivive.v1 import bus_pb2

MAX_RESULTS = 100_000
"""Results in one batch; more is not one of our agents."""
PHASES = ("dns", "connect", "tls", "first_byte", "transfer")

READERS: Mapping[str, Callable[[Sequence[bytes]], NDArray[Any]]] = {
    "check": partial(fixed, kind="<u8"),
    "revision": partial(fixed, kind="<u4"),
    "slot_us": partial(fixed, kind="<i4"),
    "attempt": zigzags,
    "outcome": varints,
    "cause": varints,
    "end_us": partial(fixed, kind="<i4"),
    **{name: partial(fixed, kind="<u4") for name in PHASES},
    "http_status": varints,
}
"""How each column lies on the wire; entries are those of the fields in ResultBatch."""

LATEST_US = 2**62
LONGEST_PHASE = 36_000_000
"""An hour, in units of 0.1 ms."""
WITHIN: Mapping[str, tuple[int, int, str]] = {
    "check": (0, 2**63 - 1, "a check id outside 0..2^63-1"),
    "revision": (0, 2**31 - 1, "a revision outside 0..2^31-1"),
    "attempt": (-1, 19, "an attempt number outside -1..19"),
    "outcome": (1, 5, "an unknown outcome"),
    "cause": (0, 99, "an unknown cause"),
    **dict.fromkeys(PHASES, (0, LONGEST_PHASE, "a phase longer than an hour")),
}
"""Least and greatest entry of a column, and what is said of one beyond."""
ANYTHING = (0, 0, "")


class BadBatch(Exception):
    """A message that is not a batch of results, and why. It is set aside, never retried."""


@dataclass(frozen=True, slots=True)
class Results:
    """One batch. Entry i of every array belongs to result i; times are µs since the Unix epoch on the bus's clock."""

    region: str
    agent: str
    number: int
    shard: int
    check: NDArray[np.int64]
    revision: NDArray[np.int32]
    slot_us: NDArray[np.int64]
    attempt: NDArray[np.int16]
    outcome: NDArray[np.int16]
    cause: NDArray[np.int16]
    end_us: NDArray[np.int64]
    phases: NDArray[np.int32]
    """Shape (n, 5), units of 0.1 ms: dns, connect, tls, first byte, transfer."""
    http_status: NDArray[np.int16]
    evidence: Mapping[int, bus_pb2.Evidence]
    """By index of the result."""
    pages: Mapping[int, bus_pb2.PageFeatures] = field(default_factory=dict)
    """By index of the result: what its page is like, where that is news."""
    certificates: Sequence[bus_pb2.CertificateSighting] = ()

    def __len__(self) -> int:
        return len(self.check)

    @property
    def start_us(self) -> NDArray[np.int64]:
        """When each attempt began: its end less the sum of its phases."""
        durations: NDArray[np.int64] = self.phases.sum(axis=1, dtype=np.int64) * 100
        return self.end_us - durations


def decode(data: bytes, *, shard: int, region: str) -> Results:
    """Read a message that came on `quivive.results.<shard>.<region>`.

    Raises BadBatch when the bytes are not a ResultBatch, its columns differ in length, a value is outside its vocabulary, or the
    batch claims another shard or region than its subject.
    """
    try:
        batch = bus_pb2.ResultColumns.FromString(data)
    except DecodeError as error:
        raise BadBatch(f"not a ResultBatch: {error}") from None
    if batch.region != region or batch.shard != shard:
        raise BadBatch(f"claims {batch.region}/{batch.shard} but came for {region}/{shard}")
    on_bus_us = batch.base_time_us + batch.clock_offset_us
    if max(abs(batch.base_time_us), abs(on_bus_us)) > LATEST_US:
        raise BadBatch("a base time that no calendar has")
    column = _columns(batch)
    n = len(column["check"])
    if not 0 < n <= MAX_RESULTS:
        raise BadBatch(f"{n} results in one batch")
    for name, values in column.items():
        if len(values) != n:
            raise BadBatch(f"column {name} has {len(values)} entries for {n} results")
        lowest, highest, complaint = WITHIN.get(name, ANYTHING)
        if complaint and (values.min() < lowest or values.max() > highest):
            raise BadBatch(complaint)
    if any(item.result >= n for item in batch.evidence):
        raise BadBatch("evidence for a result that is not in the batch")
    if any(item.result >= n for item in batch.page):
        raise BadBatch("a page of a result that is not in the batch")
    if any(item.result >= n for item in batch.certificates):
        raise BadBatch("a certificate for a result that is not in the batch")
    phases = np.empty((n, len(PHASES)), np.int32)
    for place, name in enumerate(PHASES):
        phases[:, place] = column[name]
    return Results(
        region=region,
        agent=batch.agent,
        number=batch.number,
        shard=shard,
        check=column["check"].astype(np.int64),
        revision=column["revision"].astype(np.int32),
        slot_us=column["slot_us"].astype(np.int64) + batch.base_time_us,
        attempt=column["attempt"].astype(np.int16),
        outcome=column["outcome"].astype(np.int16),
        cause=column["cause"].astype(np.int16),
        end_us=column["end_us"].astype(np.int64) + on_bus_us,
        phases=phases,
        http_status=np.minimum(column["http_status"], 999).astype(np.int16),
        evidence={item.result: item for item in batch.evidence},
        pages={item.result: item.features for item in batch.page},
        certificates=tuple(batch.certificates),
    )


def _columns(batch: bus_pb2.ResultColumns) -> dict[str, NDArray[Any]]:
    """Every column by its field's name. Raises BadBatch."""
    columns: dict[str, NDArray[Any]] = {}
    for name, read in READERS.items():
        try:
            columns[name] = read(getattr(batch, name))
        except BadColumn as error:
            raise BadBatch(f"column {name} {error}") from None
    return columns
