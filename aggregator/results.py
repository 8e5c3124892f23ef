"""A batch from the bus as columns of numpy arrays: what is decided on and what is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from quivive.v1 import bus_pb2

MAX_RESULTS = 100_000
"""Results in one batch; more is not one of our agents."""


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
        batch = bus_pb2.ResultBatch.FromString(data)
    except DecodeError as error:
        raise BadBatch(f"not a ResultBatch: {error}") from None
    if batch.region != region or batch.shard != shard:
        raise BadBatch(f"claims {batch.region}/{batch.shard} but came for {region}/{shard}")
    n = len(batch.check)
    if not 0 < n <= MAX_RESULTS:
        raise BadBatch(f"{n} results in one batch")
    columns: dict[str, Sequence[int]] = {
        "revision": batch.revision,
        "slot_us": batch.slot_us,
        "attempt": batch.attempt,
        "outcome": batch.outcome,
        "cause": batch.cause,
        "end_us": batch.end_us,
        "dns": batch.dns,
        "connect": batch.connect,
        "tls": batch.tls,
        "first_byte": batch.first_byte,
        "transfer": batch.transfer,
        "http_status": batch.http_status,
    }
    for name, column in columns.items():
        if len(column) != n:
            raise BadBatch(f"column {name} has {len(column)} entries for {n} results")
    attempt = np.fromiter(batch.attempt, np.int64, n)
    outcome = np.fromiter(batch.outcome, np.int64, n)
    cause = np.fromiter(batch.cause, np.int64, n)
    check = np.fromiter(batch.check, np.uint64, n)
    if ((attempt < -1) | (attempt > 19)).any():
        raise BadBatch("an attempt number outside -1..19")
    if ((outcome < 1) | (outcome > 5)).any():
        raise BadBatch("an unknown outcome")
    if ((cause < 0) | (cause > 99)).any():
        raise BadBatch("an unknown cause")
    if (check > np.uint64(2**63 - 1)).any():
        raise BadBatch("a check id outside 0..2^63-1")
    if any(item.result >= n for item in batch.evidence):
        raise BadBatch("evidence for a result that is not in the batch")
    phases = np.column_stack(
        [np.fromiter(columns[name], np.int64, n) for name in ("dns", "connect", "tls", "first_byte", "transfer")]
    )
    if (phases > 36_000_000).any():
        raise BadBatch("a phase longer than an hour")
    return Results(
        region=region,
        agent=batch.agent,
        number=batch.number,
        shard=shard,
        check=check.astype(np.int64),
        revision=np.fromiter(batch.revision, np.int64, n).astype(np.int32),
        slot_us=np.fromiter(batch.slot_us, np.int64, n) + batch.base_time_us,
        attempt=attempt.astype(np.int16),
        outcome=outcome.astype(np.int16),
        cause=cause.astype(np.int16),
        end_us=np.fromiter(batch.end_us, np.int64, n) + (batch.base_time_us + batch.clock_offset_us),
        phases=phases.astype(np.int32),
        http_status=np.clip(np.fromiter(batch.http_status, np.int64, n), 0, 999).astype(np.int16),
        evidence={item.result: item for item in batch.evidence},
    )
