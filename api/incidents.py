"""Reads confirmed outages, with their events and what the attempts saw."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from api.database import Database
from api.errors import NotFound
from api.names import Subject
from quivive import sql

SQL = sql.load("api.sql", "incidents.sql")

VOTES_SHOWN = 60


@dataclass(frozen=True, slots=True)
class IncidentRow:
    incident_id: str
    site_id: str
    customer_id: str
    check_name: str
    check_id: int
    start_time: datetime
    confirm_time: datetime
    page_time: datetime | None
    acknowledge_time: datetime | None
    resolve_time: datetime | None
    cause: int
    responsibility: int
    regions: list[str]
    detail: str
    reason: str
    close_reason: str | None
    retroactive: bool
    simulated: bool
    confidence: float | None = None
    cause_rule: str | None = None
    cause_reason: str | None = None
    group_id: str | None = None
    acknowledge_person: str | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    time: datetime
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class VoteRow:
    """One attempt; `duration` in units of 0.1 ms."""

    slot: datetime
    end_time: datetime
    region: str
    attempt: int
    outcome: int
    cause: int
    http_status: int
    duration: int
    detail: str | None


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """A failing attempt that an incident rests on; phases in units of 0.1 ms, `content` as it was seen."""

    region: str
    slot: datetime
    attempt: int
    end_time: datetime
    cause: int
    http_status: int
    dns: int
    connect: int
    tls: int
    first_byte: int
    transfer: int
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CountedRow:
    """Votes as the aggregator recorded them: region, standing, up, end_time."""

    votes: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Known:
    known: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What incidents are chosen by; None: whatever it is. `*_not` leave out."""

    ids: Sequence[str] | None = None
    sites: Sequence[str] | None = None
    sites_not: Sequence[str] = ()
    customers: Sequence[str] | None = None
    customers_not: Sequence[str] = ()
    causes: Sequence[int] | None = None
    causes_not: Sequence[int] = ()
    responsibilities: Sequence[int] | None = None
    responsibilities_not: Sequence[int] = ()
    groups: Sequence[str] | None = None
    open: bool | None = None
    acknowledged: bool | None = None
    tags: Sequence[str] = ()
    tags_not: Sequence[str] = ()
    start: datetime | None = None
    end: datetime | None = None


async def read_incident(database: Database, incident: str, customer: str | None = None) -> IncidentRow:
    """One incident, of that customer if one is named. NotFound when there is none of this id."""
    subject = Subject(customer=customer) if customer is not None else None
    found = await read_incidents(database, incident=incident, subject=subject, limit=1)
    if not found:
        raise NotFound("INCIDENT_NOT_FOUND", f"there is no incident {incident}", metadata={"incident": incident})
    return found[0]


async def read_incidents(
    database: Database,
    *,
    incident: str | None = None,
    subject: Subject | None = None,
    open_only: bool = False,
    after: tuple[datetime, str] | None = None,
    limit: int,
    owner: str | None = None,
    wanted: Wanted | None = None,
    skip: int = 0,
) -> list[IncidentRow]:
    """Newest start first; `after` is the start and the id of the entry before the first wanted one, `owner` whose they must be."""
    filtered = wanted or Wanted()
    after_start, after_id = after or (None, "")
    return await database.fetch(
        IncidentRow,
        SQL["page"],
        incident=incident,
        site=subject.site if subject else None,
        customer=subject.customer if subject else None,
        open_only=open_only,
        after_start=after_start,
        after_id=after_id,
        limit=limit,
        owner=owner,
        skip=skip,
        **{key: list(value) if isinstance(value, tuple) else value for key, value in asdict(filtered).items()},
    )


async def read_incidents_during(
    database: Database, sites: Sequence[str], start: datetime, end: datetime
) -> list[IncidentRow]:
    """Outages of the sites' critical checks that reach into [start, end), oldest first."""
    return await database.fetch(IncidentRow, SQL["during"], sites=list(sites), start=start, end=end)


async def read_events(database: Database, incident: str) -> list[EventRow]:
    """What happened in an incident, oldest first."""
    return await database.fetch(EventRow, SQL["events"], incident=incident)


async def read_evidence(database: Database, incident: str) -> list[EvidenceRow]:
    """The failing attempts that the incident rests on, the first one first."""
    return await database.fetch(EvidenceRow, SQL["incident_evidence"], incident=incident)


async def read_counted(database: Database, incident: str) -> Sequence[Mapping[str, Any]]:
    """The votes that confirmed it; none for one that late evidence showed."""
    found = await database.fetch(CountedRow, SQL["incident_votes"], incident=incident)
    return found[0].votes if found else ()


async def read_votes(database: Database, incident: IncidentRow) -> list[VoteRow]:
    """The attempts from the incident's start to its confirmation, as they ended."""
    return await database.fetch(
        VoteRow,
        SQL["votes"],
        check=incident.check_id,
        start=incident.start_time,
        # The deciding attempt ended before the bus took it in; agents' clocks may differ by a little.
        end=incident.confirm_time + timedelta(seconds=1),
        limit=VOTES_SHOWN,
    )


async def require_subject(database: Database, subject: Subject, owner: str | None = None) -> None:
    """NotFound when there has never been such a site or customer, or none that is this owner's."""
    if not await database.fetch(
        _Known, SQL["subject_known"], site=subject.site, customer=subject.customer, owner=owner
    ):
        raise NotFound("SUBJECT_NOT_FOUND", f"there is no {subject}", metadata={"subject": str(subject)})
