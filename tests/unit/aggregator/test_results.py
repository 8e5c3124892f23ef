"""Decoding what comes from the bus: every bad message has a reason, every good one its columns."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.results import BadBatch, decode
from quivive.v1 import bus_pb2

BASE_US = 1_795_000_000_000_000


def batch_of(n: int = 2) -> bus_pb2.ResultBatch:
    return bus_pb2.ResultBatch(
        region="eu-west",
        agent="a",
        number=3,
        shard=5,
        base_time_us=BASE_US,
        clock_offset_us=-250,
        check=[11 + i for i in range(n)],
        revision=[1] * n,
        slot_us=[0] * n,
        attempt=[0] * n,
        outcome=[2] * n,
        cause=[20] * n,
        end_us=[7_000] * n,
        dns=[10] * n,
        connect=[20] * n,
        tls=[0] * n,
        first_byte=[5] * n,
        transfer=[5] * n,
        http_status=[0] * n,
        evidence=[bus_pb2.Evidence(result=1, detail="refused")],
    )


def test_columns_come_out_as_arrays_on_the_bus_clock() -> None:
    results = decode(batch_of().SerializeToString(), shard=5, region="eu-west")
    assert results.check.tolist() == [11, 12]
    assert results.slot_us.tolist() == [BASE_US, BASE_US]
    assert results.end_us.tolist() == [BASE_US + 7_000 - 250] * 2
    assert results.start_us.tolist() == [BASE_US + 3_000 - 250] * 2
    assert results.phases.tolist() == [[10, 20, 0, 5, 5]] * 2
    assert results.evidence[1].detail == "refused"


def _other_region(batch: bus_pb2.ResultBatch) -> None:
    batch.region = "us-east"


def _short_column(batch: bus_pb2.ResultBatch) -> None:
    del batch.tls[:]


def _wild_attempt(batch: bus_pb2.ResultBatch) -> None:
    batch.attempt[0] = 20


def _no_outcome(batch: bus_pb2.ResultBatch) -> None:
    batch.outcome[0] = 0


def _wild_check(batch: bus_pb2.ResultBatch) -> None:
    batch.check[0] = 2**63


def _stray_evidence(batch: bus_pb2.ResultBatch) -> None:
    batch.evidence[0].result = 2


def _empty(batch: bus_pb2.ResultBatch) -> None:
    batch.Clear()
    batch.region, batch.shard = "eu-west", 5


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_other_region, "claims us-east/5 but came for eu-west/5"),
        (_short_column, "column tls has 0 entries for 2 results"),
        (_wild_attempt, "attempt number outside"),
        (_no_outcome, "unknown outcome"),
        (_wild_check, "check id outside"),
        (_stray_evidence, "evidence for a result that is not in the batch"),
        (_empty, "0 results"),
    ],
)
def test_a_bad_batch_is_refused_with_its_reason(spoil: Callable[[bus_pb2.ResultBatch], None], reason: str) -> None:
    batch = batch_of()
    spoil(batch)
    with pytest.raises(BadBatch, match=reason):
        decode(batch.SerializeToString(), shard=5, region="eu-west")


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused_and_never_crash(data: bytes) -> None:
    with pytest.raises(BadBatch):
        decode(data, shard=5, region="eu-west")
