"""What was recorded of one check around an instant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from quivive.domain.words import State


@dataclass(frozen=True, slots=True)
class CheckFact:
    check_id: int
    site_id: str
    name: str
    critical: bool
    create_time: datetime
    delete_time: datetime | None
    regions: list[str]
    interval_us: int
    timeout_us: int
    page_after_us: int
    channels: list[str]
    timezone: str


@dataclass(frozen=True, slots=True)
class IntervalFact:
    state: int
    start_time: datetime
    end_time: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class DecisionFact:
    """`votes` as the aggregator recorded them: region, standing, up, end_time, failing."""

    time: datetime
    kind: str
    effect_time: datetime
    state: int | None
    incident_id: str | None
    reason: str
    quorum: int
    votes: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class AttemptFact:
    end_time: datetime
    region: str
    attempt: int
    outcome: int
    cause: int
    detail: str | None


@dataclass(frozen=True, slots=True)
class RegionFact:
    region: str
    time: datetime
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class IncidentFact:
    incident_id: str
    start_time: datetime
    confirm_time: datetime
    page_time: datetime | None
    resolve_time: datetime | None
    retroactive: bool
    reason: str
    cause_reason: str | None
    group_id: str | None


@dataclass(frozen=True, slots=True)
class PageFact:
    """`told_with` is the incident whose page also told of this one."""

    channel_id: str
    due_time: datetime
    sent_time: datetime | None
    cancel_reason: str | None
    last_error: str | None
    told_with: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """`maintenance_end` is set when announced work ran at `time`."""

    check: CheckFact
    time: datetime
    interval: IntervalFact | None
    decisions: Sequence[DecisionFact]
    attempts: Sequence[AttemptFact]
    blind: Sequence[RegionFact]
    incident: IncidentFact | None
    pages: Sequence[PageFact]
    maintenance_end: datetime | None

    @property
    def state(self) -> State | None:
        return None if self.interval is None else State(self.interval.state)
