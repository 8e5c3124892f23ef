"""A micro-batch: everything that one transaction records."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from aggregator.decide.transitions import Transition
from aggregator.results import Results


@dataclass(frozen=True, slots=True)
class Seen:
    """Results of one message, those of them that are stored, and their region's number in the database."""

    results: Results
    region: int
    stored: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Poisoned:
    """A message that cannot be taken, and why."""

    sequence: int
    subject: str
    time_us: int
    reason: str
    data: bytes


@dataclass(frozen=True, slots=True)
class RegionEvent:
    """Something that happened to a region: blind, sighted or refused. Only the first two are told to the operator."""

    region: str
    kind: str
    at_us: int
    detail: str


@dataclass(frozen=True, slots=True)
class DataNotice:
    """Data became incomplete, or complete again; `key` is that of the incompleteness."""

    key: str
    complete: bool
    at_us: int
    checks: int


@dataclass(frozen=True, slots=True)
class ShardMark:
    """How far a shard is committed. With `snapshot_position`, its snapshot moves too; `snapshot` None keeps the bytes."""

    shard: int
    epoch: int
    position: int
    snapshot_position: int | None = None
    snapshot: bytes | None = None


@dataclass(slots=True)
class Batch:
    """One transaction's worth. Order matters within each list, and the transitions of a check stay in their order."""

    seen: list[Seen] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    poisoned: list[Poisoned] = field(default_factory=list)
    region_events: list[RegionEvent] = field(default_factory=list)
    notices: list[DataNotice] = field(default_factory=list)
    marks: list[ShardMark] = field(default_factory=list)

    stream_time: datetime | None = None
    """When the stream was made that the marks count in."""
    results: int = 0
    """To be stored."""

    def see(self, seen: Seen) -> None:
        self.seen.append(seen)
        self.results += int(seen.stored.sum())

    @property
    def is_quiet(self) -> bool:
        """Nothing follows from what was seen."""
        return not any((self.transitions, self.poisoned, self.region_events, self.notices))

    def __bool__(self) -> bool:
        return any((self.seen, self.transitions, self.poisoned, self.region_events, self.notices, self.marks))
