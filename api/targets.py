"""How single incidents stand to their response targets."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from api.database import Database
from api.figures import Span
from api.names import Subject
from api.response import Paged, Response, judge
from quivive import sql
from quivive.business_hours import parse_business_hours
from quivive.domain.times import to_datetime, to_us
from quivive.holidays import holidays_in
from quivive.working_time import WorkingTime

SQL = sql.load("api.sql", "targets.sql")


@dataclass(frozen=True, slots=True)
class _Row:
    incident_id: str
    site_id: str
    page_time: datetime
    acknowledge_time: datetime | None
    resolve_time: datetime | None
    timezone: str
    holidays: str
    response_target_us: int
    business_hours: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """One incident: when somebody had to answer, and whether somebody did."""

    incident_id: str
    site_id: str
    page_time: datetime
    acknowledge_time: datetime | None
    due_time: datetime | None
    target_us: int
    response: Response


async def read_targets(database: Database, subject: Subject, window: Span, now_us: int) -> list[Target]:
    """Those of the incidents that were paged in the window, the oldest page first."""
    rows = await database.fetch(
        _Row,
        SQL["paged"],
        site=subject.site,
        customer=subject.customer,
        start=to_datetime(window.start_us),
        end=to_datetime(window.end_us),
    )
    return [_target(row, now_us) for row in rows]


def _target(row: _Row, now_us: int) -> Target:
    week = None if row.business_hours is None else parse_business_hours(row.business_hours)
    working = WorkingTime(week, ZoneInfo(row.timezone), partial(holidays_in, row.holidays))
    paged = Paged(to_us(row.page_time), _us(row.acknowledge_time), _us(row.resolve_time))
    due_us = working.due_us(paged.page_us, row.response_target_us)
    return Target(
        row.incident_id,
        row.site_id,
        row.page_time,
        row.acknowledge_time,
        None if due_us is None else to_datetime(due_us),
        row.response_target_us,
        judge(paged, row.response_target_us, working, now_us),
    )


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else to_us(moment)
