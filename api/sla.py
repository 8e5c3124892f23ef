"""Turns recorded state intervals into figures: reads what `api.figures` needs and hands it over."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from zoneinfo import ZoneInfo

from api.calendars import Maintenance, maintenance_spans
from api.database import Database
from api.errors import NotFound
from api.figures import Durations, History, Segment, Span, StateSpan, measure, timeline
from api.names import Subject
from quivive import sql
from quivive.domain.times import to_datetime, to_us
from quivive.domain.words import State

SQL = sql.load("api.sql", "sla.sql")


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site that lived in the window; its calendar is its customer's."""

    site_id: str
    customer_id: str
    url: str
    timezone: str


@dataclass(frozen=True, slots=True)
class HistoryRow:
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
    duration_us: int
    create_time: datetime
    delete_time: datetime | None


@dataclass(frozen=True, slots=True)
class _Count:
    site_id: str
    incidents: int


@dataclass(frozen=True, slots=True)
class SiteFigure:
    """A site's life over the window: its segments, what they add up to, and its outages."""

    site: SiteRow
    segments: Sequence[Segment]
    durations: Durations
    incidents: int


@dataclass(frozen=True, slots=True)
class _Calendar:
    timezone: str


async def read_timezone(database: Database, subject: Subject) -> ZoneInfo:
    """The zone of the subject's customer. NotFound when there has never been such a site or customer."""
    found = await database.fetch(_Calendar, SQL["timezone"], site=subject.site, customer=subject.customer)
    if not found:
        raise NotFound("SUBJECT_NOT_FOUND", f"there is no {subject}", metadata={"subject": str(subject)})
    return ZoneInfo(found[0].timezone)


async def read_figures(database: Database, subject: Subject, window: Span) -> list[SiteFigure]:
    """The figures of a subject's sites, the worst availability first. NotFound when there is no such site."""
    start, end = to_datetime(window.start_us), to_datetime(window.end_us)
    sites = await database.fetch(SiteRow, SQL["sites"], site=subject.site, customer=subject.customer, start=start)
    if not sites and subject.site is not None:
        raise NotFound("SITE_NOT_FOUND", f"there is no site {subject.site}", metadata={"site": subject.site})
    segments = await read_segments(database, {site.site_id: site.timezone for site in sites}, window)
    counts = {
        row.site_id: row.incidents
        for row in await database.fetch(_Count, SQL["incidents"], sites=list(segments), start=start, end=end)
    }
    figures = [
        SiteFigure(site, segments[site.site_id], measure(segments[site.site_id]), counts.get(site.site_id, 0))
        for site in sites
    ]
    return sorted(figures, key=_worst_first)


async def read_segments(database: Database, zones: Mapping[str, str], window: Span) -> dict[str, list[Segment]]:
    """How each site stood over the window. `zones` has the time zone of each site's customer, by site."""
    start, end = to_datetime(window.start_us), to_datetime(window.end_us)
    sites = list(zones)
    histories = _histories(await database.fetch(HistoryRow, SQL["histories"], sites=sites, start=start, end=end))
    maintenance: defaultdict[str, list[MaintenanceRow]] = defaultdict(list)
    for row in await database.fetch(MaintenanceRow, SQL["maintenance"], sites=sites, start=start, end=end):
        maintenance[row.site_id].append(row)
    # Arithmetic over many sites and months would hold up every other request.
    return await asyncio.to_thread(_segments, zones, histories, maintenance, window)


def _histories(rows: Sequence[HistoryRow]) -> dict[str, list[History]]:
    """The checks' lives by site; rows come sorted by check."""
    histories: defaultdict[str, list[History]] = defaultdict(list)
    for _, group in groupby(rows, attrgetter("check_id")):
        intervals = list(group)
        first = intervals[0]
        histories[first.site_id].append(
            History(
                to_us(first.create_time),
                _optional_us(first.delete_time),
                [
                    StateSpan(to_us(row.start_time), _optional_us(row.end_time), State(row.state))
                    for row in intervals
                    if row.start_time is not None and row.state is not None
                ],
            )
        )
    return histories


def _segments(
    zones: Mapping[str, str],
    histories: Mapping[str, Sequence[History]],
    maintenance: Mapping[str, Sequence[MaintenanceRow]],
    window: Span,
) -> dict[str, list[Segment]]:
    segments = {}
    for site, zone in zones.items():
        spans = [
            span
            for row in maintenance.get(site, ())
            for span in maintenance_spans(_declaration(row), ZoneInfo(zone), window)
        ]
        segments[site] = list(timeline(histories.get(site, ()), spans, window))
    return segments


def _worst_first(figure: SiteFigure) -> tuple[bool, float, float, str]:
    """By availability, then completeness; sites without a figure come last."""
    availability, completeness = figure.durations.availability, figure.durations.completeness
    return availability is None, availability or 0.0, completeness or 0.0, figure.site.site_id


def _declaration(row: MaintenanceRow) -> Maintenance:
    return Maintenance(
        cron=row.cron,
        start_us=_optional_us(row.start_time),
        duration_us=row.duration_us,
        create_us=to_us(row.create_time),
        delete_us=_optional_us(row.delete_time),
    )


def _optional_us(moment: datetime | None) -> int | None:
    return None if moment is None else to_us(moment)
