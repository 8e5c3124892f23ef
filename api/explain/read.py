"""Reads what was recorded of a check around an instant."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from api.calendars import Maintenance, maintenance_spans
from api.database import Database
from api.errors import NotFound
from api.explain.facts import (
    AttemptFact,
    CheckFact,
    DecisionFact,
    Facts,
    IncidentFact,
    IntervalFact,
    PageFact,
    RegionFact,
)
from api.figures import Span
from quivive import sql
from quivive.domain.checks import freshness_us
from quivive.domain.times import to_datetime, to_us

SQL = sql.load("api.sql", "explain.sql")

AROUND = timedelta(minutes=5)
"""What was decided so long before and after an instant belongs to its story."""


@dataclass(frozen=True, slots=True)
class _Rule:
    cron: str | None
    start_time: datetime | None
    duration_us: int
    create_time: datetime
    delete_time: datetime | None


async def read_facts(database: Database, site: str, check: str | None, time: datetime) -> Facts:
    """Everything about the site's check (its first critical one without a name) at `time`. NotFound when there is none."""
    named = await database.fetch(CheckFact, SQL["check"], site=site, check=check, time=time)
    if not named:
        name = f"sites/{site}" if check is None else f"sites/{site}/checks/{check}"
        raise NotFound("CHECK_NOT_FOUND", f"there is no check {name}", metadata={"name": name})
    fact = named[0]
    around = {"check": fact.check_id, "time": time, "start": time - AROUND, "end": time + AROUND}
    fresh = timedelta(microseconds=freshness_us(fact.interval_us, fact.timeout_us))
    intervals = await database.fetch(IntervalFact, SQL["interval"], check=fact.check_id, time=time)
    incidents = await database.fetch(IncidentFact, SQL["incident"], **around)
    incident = incidents[0] if incidents else None
    return Facts(
        check=fact,
        time=time,
        interval=intervals[0] if intervals else None,
        decisions=await database.fetch(DecisionFact, SQL["decisions"], **around),
        attempts=await database.fetch(
            AttemptFact, SQL["attempts"], check=fact.check_id, start=time - fresh, end=time + timedelta(minutes=1)
        ),
        blind=await database.fetch(RegionFact, SQL["blind"], regions=fact.regions, time=time),
        incident=incident,
        pages=await database.fetch(PageFact, SQL["pages"], incident=incident.incident_id) if incident else [],
        maintenance_end=await _maintenance_end(database, fact, time),
    )


async def _maintenance_end(database: Database, check: CheckFact, time: datetime) -> datetime | None:
    now_us = to_us(time)
    ends = []
    for rule in await database.fetch(_Rule, SQL["maintenance"], site=check.site_id, time=time):
        declared = Maintenance(
            cron=rule.cron,
            start_us=None if rule.start_time is None else to_us(rule.start_time),
            duration_us=rule.duration_us,
            create_us=to_us(rule.create_time),
            delete_us=None if rule.delete_time is None else to_us(rule.delete_time),
        )
        window = Span(now_us, now_us + rule.duration_us)
        ends += [
            span.end_us
            for span in maintenance_spans(declared, ZoneInfo(check.timezone), window)
            if span.start_us <= now_us
        ]
    return to_datetime(max(ends)) if ends else None
