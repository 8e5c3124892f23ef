"""Columns read from the wire are those that protobuf itself reads."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from aggregator.columns import BadColumn, fixed, varints, zigzags
from aggregator.results import READERS
from quivive.v1 import bus_pb2

UNSIGNED_32 = st.integers(0, 2**32 - 1)


@given(st.lists(UNSIGNED_32), st.lists(UNSIGNED_32))
def test_varints_of_any_length_are_read(first: list[int], second: list[int]) -> None:
    parts = [bus_pb2.ResultBatch(http_status=values).SerializeToString() for values in (first, second)]
    columns = bus_pb2.ResultColumns.FromString(b"".join(parts))
    assert varints(columns.http_status).tolist() == first + second


@given(st.lists(st.integers(-(2**31), 2**31 - 1)))
def test_signed_varints_are_read(values: list[int]) -> None:
    data = bus_pb2.ResultBatch(attempt=values).SerializeToString()
    assert zigzags(bus_pb2.ResultColumns.FromString(data).attempt).tolist() == values


@pytest.mark.parametrize(
    ("read", "data", "complaint"),
    [
        (lambda parts: fixed(parts, "<u8"), b"1234567", "ends inside an entry"),
        (varints, b"\x01\x80", "ends inside an entry"),
        (varints, b"\x80", "ends inside an entry"),
        (varints, b"\xff\xff\xff\xff\xff\x01", "more than 32 bits"),
    ],
)
def test_what_is_no_column_is_refused(
    read: Callable[[Sequence[bytes]], NDArray[np.generic]], data: bytes, complaint: str
) -> None:
    with pytest.raises(BadColumn, match=complaint):
        read([data])


def test_every_column_of_a_batch_has_a_reader_and_its_number_on_the_wire() -> None:
    batch, columns = (kind.DESCRIPTOR.fields_by_name for kind in (bus_pb2.ResultBatch, bus_pb2.ResultColumns))
    assert {name: field.number for name, field in batch.items()} == {n: f.number for n, f in columns.items()}
    packed = {name for name, field in batch.items() if field.is_repeated and field.message_type is None}
    assert packed == set(READERS)
