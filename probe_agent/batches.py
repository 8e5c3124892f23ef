"""Results column by column: gathered by shard, packed into `ResultBatch`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from google.protobuf.timestamp_pb2 import Timestamp

from probe_agent.results import Evidence, Result
from quivive.domain import checks
from quivive.domain.times import SECOND_US, to_datetime
from quivive.domain.words import Outcome
from quivive.v1 import bus_pb2, outcome_pb2

HOLD_US = SECOND_US
"""How long a good result may wait for company."""
SPAN_US = 30 * 60 * SECOND_US
"""Times of a batch lie within this of its base, so that 32 bits of microseconds hold them."""
MAX_RESULTS = 1000
MAX_EVIDENCE = 64
"""With evidence of at most 11 KiB each, a batch stays below the broker's 1 MiB a message."""

shard_of = lru_cache(maxsize=65536)(checks.shard_of)


@dataclass(frozen=True, slots=True)
class Lot:
    """Results of one shard that travel together."""

    shard: int
    results: Sequence[Result]


class _Open:
    """A lot that still grows."""

    def __init__(self, result: Result, since_us: int) -> None:
        self.base_us = result.slot_us
        self.since_us = since_us
        self.results: list[Result] = []
        self.evidence = 0
        self.is_urgent = False

    def has_room(self, result: Result) -> bool:
        return len(self.results) < MAX_RESULTS and self.evidence < MAX_EVIDENCE and fits(self.base_us, result)

    def add(self, result: Result) -> None:
        self.results.append(result)
        self.evidence += result.evidence is not None
        self.is_urgent |= result.outcome is not Outcome.UP


class Batcher:
    """Gathers results: good ones wait for at most a second, any other takes its lot along at once."""

    def __init__(self, shards: int) -> None:
        self._shards = shards
        self._open: dict[int, _Open] = {}
        self._full: list[Lot] = []

    def __len__(self) -> int:
        return sum(len(lot.results) for lot in self._full) + sum(len(lot.results) for lot in self._open.values())

    def add(self, result: Result, now_us: int) -> bool:
        """Take a result in. True when something must go now. ValueError when its times lie too far apart to be packed."""
        if not fits(result.slot_us, result):
            raise ValueError(f"the attempt ended {(result.end_us - result.slot_us) / 1e6:.0f} s after its slot")
        shard = shard_of(result.check, self._shards)
        lot = self._open.get(shard)
        if lot is not None and not lot.has_room(result):
            self._full.append(Lot(shard, lot.results))
            lot = None
        if lot is None:
            lot = self._open[shard] = _Open(result, now_us)
        lot.add(result)
        return lot.is_urgent or bool(self._full)

    def next_us(self) -> int | None:
        """When the oldest open lot has to go, or None without one."""
        return min((lot.since_us + HOLD_US for lot in self._open.values()), default=None)

    def take(self, now_us: int, *, everything: bool = False) -> list[Lot]:
        """The lots that have to go now."""
        lots, self._full = self._full, []
        for shard, lot in list(self._open.items()):
            # A clock that was set back must not hold results.
            if everything or lot.is_urgent or not 0 <= now_us - lot.since_us < HOLD_US:
                lots.append(Lot(shard, lot.results))
                del self._open[shard]
        return lots


def fits(base_us: int, result: Result) -> bool:
    """Whether a result can be told relative to `base_us`."""
    return abs(result.slot_us - base_us) <= SPAN_US and abs(result.end_us - base_us) <= SPAN_US


def encode(lot: Lot, region: str, agent: str, number: int, clock_offset_us: int) -> bytes:
    """A lot as `ResultBatch`. Its first slot is the base time."""
    results = lot.results
    base_us = results[0].slot_us
    phases = [result.phases for result in results]
    return bus_pb2.ResultBatch(
        region=region,
        agent=agent,
        number=number,
        shard=lot.shard,
        base_time_us=base_us,
        clock_offset_us=clock_offset_us,
        check=[result.check for result in results],
        revision=[result.revision for result in results],
        slot_us=[result.slot_us - base_us for result in results],
        attempt=[result.attempt for result in results],
        outcome=[outcome_pb2.Outcome.ValueType(result.outcome) for result in results],
        cause=[outcome_pb2.Cause.ValueType(result.cause) for result in results],
        end_us=[result.end_us - base_us for result in results],
        dns=[item.dns for item in phases],
        connect=[item.connect for item in phases],
        tls=[item.tls for item in phases],
        first_byte=[item.first_byte for item in phases],
        transfer=[item.transfer for item in phases],
        http_status=[result.http_status for result in results],
        evidence=[
            _encode_evidence(index, result.evidence)
            for index, result in enumerate(results)
            if result.evidence is not None
        ],
    ).SerializeToString()


def _encode_evidence(index: int, evidence: Evidence) -> bus_pb2.Evidence:
    message = bus_pb2.Evidence(
        result=index,
        detail=_text(evidence.detail),
        address=evidence.address,
        url=_text(evidence.url),
        headers={_text(name): _text(value) for name, value in evidence.headers},
        body_excerpt=_text(evidence.body_excerpt),
    )
    if evidence.certificate_expire_us is not None:
        expire = Timestamp()
        expire.FromDatetime(to_datetime(evidence.certificate_expire_us))
        message.certificate_expire_time.CopyFrom(expire)
    return message


def _text(text: str) -> str:
    """Text that UTF-8 can hold: what a site sent may have halves of surrogate pairs in it."""
    return text.encode("utf-8", "replace").decode("utf-8")
