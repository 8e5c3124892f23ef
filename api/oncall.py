"""Schedules as they are declared, with the overrides that calls have made: read for pages, calls and calendars."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.database import Database
from api.errors import NotFound
from quivive import sql
from quivive.configuration import ScheduleConfig
from quivive.configuration.shifts import schedule_of
from quivive.domain.times import to_us
from quivive.oncall.schedules import Override, Schedule

SQL = sql.load("api.sql", "oncall.sql")


@dataclass(frozen=True, slots=True)
class OverrideRow:
    """One that was made by a call."""

    schedule: str
    override: str
    person: str
    start_time: datetime
    end_time: datetime
    reason: str
    author: str


@dataclass(frozen=True, slots=True)
class Rota:
    """A schedule for people and for reckoning."""

    declared: ScheduleConfig
    schedule: Schedule
    overrides: tuple[OverrideRow, ...]
    people: Mapping[str, str]
    """Names by id, of those who are gone, too."""


async def read_rotas(database: Database, now: datetime, schedule: str | None = None) -> list[Rota]:
    """By id. Overrides that ended before `now` are left out."""
    row: dict[str, Any] = {"schedule": schedule, "start": now}
    async with database.transaction() as connection:
        declared = await (await connection.execute(SQL["schedules"], row)).fetchall()
        standing_in = await (await connection.execute(SQL["overrides"], row)).fetchall()
        people = dict(await (await connection.execute(SQL["people"])).fetchall())
    overrides: dict[str, list[OverrideRow]] = defaultdict(list)
    for values in standing_in:
        overrides[values[0]].append(OverrideRow(*values))
    rotas = []
    for id_, document in declared:
        config = ScheduleConfig.model_validate(document)
        own = [Override(o.person, to_us(o.start_time), to_us(o.end_time), o.override) for o in overrides[id_]]
        rotas.append(Rota(config, schedule_of(config, own), tuple(overrides[id_]), people))
    return rotas


async def read_rota(database: Database, schedule: str, now: datetime) -> Rota:
    """NotFound when there is none."""
    rotas = await read_rotas(database, now, schedule)
    if not rotas:
        raise NotFound("SCHEDULE_NOT_FOUND", f"there is no schedule {schedule}", metadata={"schedule": schedule})
    return rotas[0]
