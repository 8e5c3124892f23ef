"""Reads announced work."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from api.database import Database
from quivive import sql
from quivive.domain.times import to_us
from quivive.maintenance import Occurrence, Work, occurrences

SQL = sql.load("api.sql", "maintenance.sql")

AHEAD = timedelta(days=366)
_STEPS = (timedelta(days=2), timedelta(days=40), AHEAD)
"""How far is looked ahead, further and further: most work is soon."""


@dataclass(frozen=True, slots=True)
class MaintenanceRow:
    """One declaration that holds."""

    maintenance_id: int
    site_id: str
    timezone: str
    cron: str | None
    start_time: datetime | None
    ical: str | None
    duration_us: int | None
    create_time: datetime


async def read_maintenance(
    database: Database,
    *,
    site: str | None = None,
    customer: str | None = None,
    owner: str | None = None,
    number: int | None = None,
    after: tuple[str, int] | None = None,
    limit: int | None = None,
) -> list[MaintenanceRow]:
    """Those that hold, by site and number."""
    after_site, after_number = after or ("", 0)
    return await database.fetch(
        MaintenanceRow,
        SQL["page"],
        site=site,
        customer=customer,
        owner=owner,
        number=number,
        after_site=after_site,
        after_number=after_number,
        limit=limit,
    )


def next_occurrence(row: MaintenanceRow, now: datetime) -> Occurrence | None:
    """The one that runs now or comes next; None when none comes within a year."""
    start = None if row.start_time is None else to_us(row.start_time)
    work = Work(cron=row.cron, start_us=start, ical=row.ical, duration_us=row.duration_us)
    for step in _STEPS:
        for occurrence in occurrences(work, ZoneInfo(row.timezone), to_us(now), to_us(now + step)):
            if occurrence.end_us > to_us(now):
                return occurrence
    return None
