"""What figures are made of, as it is read: rows, and rows as values of the pure modules."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from zoneinfo import ZoneInfo

from api.calendars import Maintenance
from api.database import Database
from api.errors import NotFound
from api.figures import History, Span, StateSpan
from api.names import Subject
from quivive import sql
from quivive.domain.times import to_datetime, to_us
from quivive.domain.words import State

_STATES = {state.value: state for state in State}

SQL = sql.load("api.sql", "sla.sql")


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site that lived in the window; its calendar is its customer's, its objective the plan's at the window's end."""

    site_id: str
    customer_id: str
    url: str
    timezone: str
    holidays: str = ""
    objective: float | None = None


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An outage that reaches into the window. `business_hours` is None where response is promised around the clock."""

    site_id: str
    start_time: datetime
    confirm_time: datetime
    page_time: datetime | None
    acknowledge_time: datetime | None
    resolve_time: datetime | None
    retroactive: bool
    response_target_us: int
    business_hours: str | None


@dataclass(frozen=True, slots=True)
class Stories:
    """By site: how its critical checks were seen, and as corrections let them count."""

    seen: Mapping[str, Sequence[History]]
    corrected: Mapping[str, Sequence[History]]
    """Only sites with a correction that matters."""
    excluded: Mapping[str, Sequence[str]]
    """The incidents that do not count, by site."""


@dataclass(frozen=True, slots=True)
class _HistoryRow:
    """One interval of a check; a check without any has a single row whose interval is None."""

    site_id: str
    check_id: int
    create_time: datetime
    delete_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    state: int | None


@dataclass(frozen=True, slots=True)
class MaintenanceRow:
    site_id: str
    cron: str | None
    start_time: datetime | None
    duration_us: int | None
    create_time: datetime
    delete_time: datetime | None
    ical: str | None


@dataclass(frozen=True, slots=True)
class _ExcludedRow:
    check_id: int
    start_time: datetime
    incident_id: str


@dataclass(frozen=True, slots=True)
class _Calendar:
    timezone: str


async def read_timezone(database: Database, subject: Subject) -> ZoneInfo:
    """The zone of the subject's customer. NotFound when there has never been such a site or customer."""
    found = await database.fetch(_Calendar, SQL["timezone"], site=subject.site, customer=subject.customer)
    if not found:
        raise NotFound("SUBJECT_NOT_FOUND", f"there is no {subject}", metadata={"subject": str(subject)})
    return ZoneInfo(found[0].timezone)


async def read_sites(database: Database, subject: Subject, window: Span) -> list[SiteRow]:
    """The subject's sites by name. NotFound when it is a site that there never was."""
    start, end = to_datetime(window.start_us), to_datetime(window.end_us)
    sites = await database.fetch(
        SiteRow, SQL["sites"], site=subject.site, customer=subject.customer, start=start, end=end
    )
    if not sites and subject.site is not None:
        raise NotFound("SITE_NOT_FOUND", f"there is no site {subject.site}", metadata={"site": subject.site})
    return sites


async def read_stories(database: Database, sites: Sequence[str], window: Span) -> Stories:
    """The sites' critical checks over the window."""
    of = {"sites": sites, "start": to_datetime(window.start_us), "end": to_datetime(window.end_us)}
    rows = await database.fetch(_HistoryRow, SQL["histories"], **of)
    excluded = {
        (row.check_id, row.start_time): row.incident_id
        for row in await database.fetch(_ExcludedRow, SQL["excluded"], **of)
    }
    left_out: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.start_time is not None and (incident := excluded.get((row.check_id, row.start_time))) is not None:
            left_out[row.site_id].append(incident)
    corrected = [row for row in rows if row.site_id in left_out]
    return Stories(
        _histories(rows, {}),
        _histories(corrected, excluded),
        {site: sorted(set(incidents)) for site, incidents in left_out.items()},
    )


async def read_maintenance(database: Database, sites: Sequence[str], window: Span) -> dict[str, list[Maintenance]]:
    """The declarations of each site that may matter in the window."""
    start, end = to_datetime(window.start_us), to_datetime(window.end_us)
    return by_site(await database.fetch(MaintenanceRow, SQL["maintenance"], sites=sites, start=start, end=end))


async def read_incidents(database: Database, sites: Sequence[str], window: Span) -> dict[str, list[IncidentRow]]:
    """The outages of each site that reach into the window, oldest first."""
    start, end = to_datetime(window.start_us), to_datetime(window.end_us)
    found: defaultdict[str, list[IncidentRow]] = defaultdict(list)
    for row in await database.fetch(IncidentRow, SQL["incidents"], sites=sites, start=start, end=end):
        found[row.site_id].append(row)
    return found


def by_site(rows: Sequence[MaintenanceRow]) -> dict[str, list[Maintenance]]:
    declared: defaultdict[str, list[Maintenance]] = defaultdict(list)
    for row in rows:
        declared[row.site_id].append(
            Maintenance(
                cron=row.cron,
                start_us=optional_us(row.start_time),
                duration_us=row.duration_us,
                create_us=to_us(row.create_time),
                delete_us=optional_us(row.delete_time),
                ical=row.ical,
            )
        )
    return declared


def optional_us(moment: datetime | None) -> int | None:
    return None if moment is None else to_us(moment)


def _histories(rows: Sequence[_HistoryRow], excluded: Mapping[tuple[int, datetime], str]) -> dict[str, list[History]]:
    """The checks' lives by site; rows come sorted by check. An excluded span counts as if the check had been paused."""
    histories: defaultdict[str, list[History]] = defaultdict(list)
    for _, group in groupby(rows, attrgetter("check_id")):
        intervals = list(group)
        first = intervals[0]
        spans = [
            StateSpan(
                to_us(row.start_time),
                optional_us(row.end_time),
                State.PAUSED if (row.check_id, row.start_time) in excluded else _STATES[row.state],
            )
            for row in intervals
            if row.start_time is not None and row.state is not None
        ]
        histories[first.site_id].append(History(to_us(first.create_time), optional_us(first.delete_time), spans))
    return histories
