"""Results of a batch from the bus, one by one, for those who want a few of them."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from quivive.v1 import bus_pb2, outcome_pb2, result_pb2

PHASES = ("dns", "connect", "tls", "first_byte", "transfer")


def results_of(batch: bus_pb2.ResultBatch, names: Mapping[int, str]) -> Iterator[result_pb2.Result]:
    """The batch's results of these checks, in its order. What is malformed is left out: the aggregator tells of it."""
    evidence = {entry.result: entry for entry in batch.evidence}
    size = len(batch.check)
    columns = (
        batch.slot_us,
        batch.attempt,
        batch.outcome,
        batch.cause,
        batch.end_us,
        batch.revision,
        batch.http_status,
    )
    if any(len(column) != size for column in (*columns, *(getattr(batch, phase) for phase in PHASES))):
        return
    for index, check in enumerate(batch.check):
        name = names.get(check)
        if name is None:
            continue
        seen = evidence.get(index)
        yield result_pb2.Result(
            check=name,
            region=batch.region,
            slot=instant(batch.base_time_us + batch.slot_us[index]),
            attempt=batch.attempt[index],
            end_time=instant(batch.base_time_us + batch.end_us[index] + batch.clock_offset_us),
            outcome=outcome_pb2.Outcome.ValueType(batch.outcome[index]),
            cause=outcome_pb2.Cause.ValueType(batch.cause[index]),
            http_status=batch.http_status[index],
            revision=batch.revision[index],
            detail=seen.detail if seen is not None else "",
            address=seen.address if seen is not None else "",
            **{phase: phase_length(getattr(batch, phase)[index]) for phase in PHASES},
        )


def instant(us: int) -> Timestamp | None:
    """None for what is no time that a message can have."""
    moment = Timestamp()
    try:
        moment.FromMicroseconds(us)
    except ValueError:
        return None
    return moment


def phase_length(units: int) -> Duration:
    """From units of 0.1 ms."""
    length = Duration()
    length.FromTimedelta(timedelta(microseconds=units * 100))
    return length
