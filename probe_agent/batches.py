"""Results column by column: gathered by shard, packed into `ResultBatch` piece by piece.

A piece is what can be written down at once, long before its batch is complete.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from google.protobuf.timestamp_pb2 import Timestamp

from probe_agent.results import Evidence, Result
from probe_agent.sightings import encode_hop, encode_sighting
from quivive.domain import checks
from quivive.domain.pages import PageFeatures
from quivive.domain.times import SECOND_US, to_datetime
from quivive.domain.words import Outcome
from quivive.v1 import bus_pb2, outcome_pb2

HOLD_US = SECOND_US
"""How long a good result may wait for company."""
SPAN_US = 30 * 60 * SECOND_US
"""Times of a batch lie within this of its base, so that 32 bits of microseconds hold them."""
MAX_RESULTS = 1000
MAX_EVIDENCE = 56
CERTIFICATE_NAMES = 10
"""With evidence of at most 15 KiB each, a batch stays below the broker's 1 MiB a message."""

shard_of = lru_cache(maxsize=65536)(checks.shard_of)


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose results they are."""

    region: str
    agent: str
    """The boot UUID: with a batch's number it is the message's id."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Results as they are written down: the pieces of a batch, one after the other, are the batch."""

    number: int
    """The batch's."""
    part: int
    """Counts the batch's pieces from 0."""
    shard: int
    results: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Lot:
    """A batch that is complete."""

    number: int
    shard: int
    results: int
    payload: bytes


class _Open:
    """A lot that still grows."""

    def __init__(self, number: int, shard: int, result: Result, since_us: int) -> None:
        self.number = number
        self.shard = shard
        self.base_us = result.slot_us
        self.since_us = since_us
        self.evidence = 0
        self.is_urgent = False
        self._waiting: list[Result] = []
        self._written = 0
        self._payloads: list[bytes] = []

    def __len__(self) -> int:
        return self._written + len(self._waiting)

    @property
    def has_piece(self) -> bool:
        return bool(self._waiting)

    def has_room(self, result: Result) -> bool:
        return len(self) < MAX_RESULTS and self.evidence < MAX_EVIDENCE and fits(self.base_us, result)

    def add(self, result: Result) -> None:
        self._waiting.append(result)
        self.evidence += result.evidence is not None or result.page is not None
        self.is_urgent |= result.outcome is not Outcome.UP

    def piece(self, origin: Origin, clock_offset_us: int) -> Piece:
        """What was added since the last one."""
        first, waiting = self._written, self._waiting
        payload = encode(waiting, first, self.base_us)
        if first == 0:
            payload = encode_head(origin, self.number, self.shard, self.base_us, clock_offset_us) + payload
        part = len(self._payloads)
        self._payloads.append(payload)
        self._written, self._waiting = first + len(waiting), []
        return Piece(self.number, part, self.shard, len(waiting), payload)

    def close(self) -> Lot:
        """The whole, once every result is in a piece."""
        return Lot(self.number, self.shard, self._written, b"".join(self._payloads))


class Batcher:
    """Gathers results: good ones wait for at most a second, any other takes its lot along at once.

    Batches are numbered from `first` on.
    """

    def __init__(self, shards: int, origin: Origin, first: int = 1) -> None:
        self._shards = shards
        self._origin = origin
        self._next = first
        self._open: dict[int, _Open] = {}
        self._full: list[_Open] = []

    def __len__(self) -> int:
        return sum(map(len, self._full)) + sum(map(len, self._open.values()))

    @property
    def numbers(self) -> list[int]:
        """Of the batches that are not complete yet."""
        return [lot.number for lot in (*self._full, *self._open.values())]

    def add(self, result: Result, now_us: int) -> None:
        """Take a result in. ValueError when its times lie too far apart to be packed."""
        if not fits(result.slot_us, result):
            raise ValueError(f"the attempt ended {(result.end_us - result.slot_us) / 1e6:.0f} s after its slot")
        shard = shard_of(result.check, self._shards)
        lot = self._open.get(shard)
        if lot is not None and not lot.has_room(result):
            self._full.append(lot)
            lot = None
        if lot is None:
            lot = self._open[shard] = _Open(self._next, shard, result, now_us)
            self._next += 1
        lot.add(result)

    def next_us(self) -> int | None:
        """When the oldest open lot has to go, or None without one."""
        return min((lot.since_us + HOLD_US for lot in self._open.values()), default=None)

    def pieces(self, clock_offset_us: int) -> list[Piece]:
        """Everything that came since the last call, in order."""
        lots = (*self._full, *self._open.values())
        return [lot.piece(self._origin, clock_offset_us) for lot in lots if lot.has_piece]

    def take(self, now_us: int, *, everything: bool = False) -> list[Lot]:
        """The lots that have to go now; `pieces` has to be called first."""
        lots, self._full = [lot.close() for lot in self._full], []
        for shard, lot in list(self._open.items()):
            # A clock that was set back must not hold results.
            if everything or lot.is_urgent or not 0 <= now_us - lot.since_us < HOLD_US:
                lots.append(lot.close())
                del self._open[shard]
        return lots


def fits(base_us: int, result: Result) -> bool:
    """Whether a result can be told relative to `base_us`."""
    return abs(result.slot_us - base_us) <= SPAN_US and abs(result.end_us - base_us) <= SPAN_US


def encode_head(origin: Origin, number: int, shard: int, base_us: int, clock_offset_us: int) -> bytes:
    """What a batch's results have in common, as the beginning of a `ResultBatch`."""
    return bus_pb2.ResultBatch(
        region=origin.region,
        agent=origin.agent,
        number=number,
        shard=shard,
        base_time_us=base_us,
        clock_offset_us=clock_offset_us,
    ).SerializeToString()


def encode(results: Sequence[Result], first: int, base_us: int) -> bytes:
    """Results as columns of a `ResultBatch`, `first` of which come before them: serialized messages put together are one."""
    phases = [result.phases for result in results]
    return bus_pb2.ResultBatch(
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
            for index, result in enumerate(results, first)
            if result.evidence is not None
        ],
        certificates=[
            encode_sighting(index, sighting)
            for index, result in enumerate(results, first)
            for sighting in result.certificates
        ],
        page=[
            _encode_page(index, result.page) for index, result in enumerate(results, first) if result.page is not None
        ],
    ).SerializeToString()


def _encode_page(index: int, page: PageFeatures) -> bus_pb2.PageSighting:
    return bus_pb2.PageSighting(
        result=index,
        features=bus_pb2.PageFeatures(
            title=_text(page.title),
            text_hash=page.text_hash,
            words=page.words,
            script_hosts=[_text(host) for host in page.script_hosts],
            outgoing_links=page.outgoing_links,
            hidden_links=page.hidden_links,
        ),
    )


def _encode_evidence(index: int, evidence: Evidence) -> bus_pb2.Evidence:
    message = bus_pb2.Evidence(
        result=index,
        detail=_text(evidence.detail),
        address=evidence.address,
        url=_text(evidence.url),
        headers={_text(name): _text(value) for name, value in evidence.headers},
        body_excerpt=_text(evidence.body_excerpt),
        hops=[encode_hop(hop) for hop in evidence.hops],
        resolved=evidence.resolved,
        body_hash=evidence.body_hash,
        body_characters=evidence.body_characters,
    )
    if evidence.certificate is not None:
        message.certificate.CopyFrom(encode_sighting(index, evidence.certificate))
        del message.certificate.names[CERTIFICATE_NAMES:]
    if evidence.certificate_expire_us is not None:
        expire = Timestamp()
        expire.FromDatetime(to_datetime(evidence.certificate_expire_us))
        message.certificate_expire_time.CopyFrom(expire)
    return message


def _text(text: str) -> str:
    """Text that UTF-8 can hold: what a site sent may have halves of surrogate pairs in it."""
    return text.encode("utf-8", "replace").decode("utf-8")
