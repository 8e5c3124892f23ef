"""From what jobs said, or did not say, to results on the bus: the api is the region that looks."""

from dataclasses import dataclass
from datetime import datetime

from quivive.domain.checks import HEARTBEAT_REGION, shard_of
from quivive.domain.times import to_us
from quivive.domain.words import Cause, Outcome
from quivive.v1 import bus_pb2, outcome_pb2


@dataclass(frozen=True, slots=True)
class Vote:
    """One result of a heartbeat check. `key` is the same whenever it is said again."""

    key: str
    check: int
    revision: int
    slot: datetime
    end: datetime
    outcome: Outcome
    cause: Cause = Cause.UNSPECIFIED
    detail: str = ""


def encode(vote: Vote, shards: int) -> tuple[int, bytes]:
    """The shard it belongs to, and a ResultBatch of this one result."""
    shard = shard_of(vote.check, shards)
    base_us = to_us(vote.end)
    batch = bus_pb2.ResultBatch(
        region=HEARTBEAT_REGION,
        agent=f"heartbeat-{vote.key}",
        shard=shard,
        # Relative times hold half an hour: the slot is told apart from its end by less.
        base_time_us=base_us,
        check=[vote.check],
        revision=[vote.revision],
        slot_us=[to_us(vote.slot) - base_us],
        attempt=[0],
        outcome=[outcome_pb2.Outcome.ValueType(vote.outcome)],
        cause=[outcome_pb2.Cause.ValueType(vote.cause)],
        end_us=[0],
        dns=[0],
        connect=[0],
        tls=[0],
        first_byte=[0],
        transfer=[0],
        http_status=[0],
    )
    if vote.detail:
        batch.evidence.add(result=0, detail=vote.detail)
    return shard, batch.SerializeToString()
