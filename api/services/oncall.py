"""OnCallService: who is on call, and who stands in."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from api import names
from api.auth import audit
from api.auth.callers import caller
from api.corrections import LONGEST_REASON, sentence
from api.database import Database
from api.errors import NotFound, invalid_field
from api.instants import instant_of
from api.oncall import SQL, OverrideRow, Rota, read_rota, read_rotas
from api.oncall_calendar import Calendars
from api.services.messages import timestamp
from quivive.domain.times import to_datetime, to_us
from quivive.oncall.schedules import Turn
from quivive.oncall.shifts import turn_at, turns
from quivive.v1 import oncall_pb2, oncall_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

WINDOW = timedelta(days=28)
LONGEST = timedelta(days=366)


class OnCallService(oncall_pb2_grpc.OnCallServiceServicer):
    def __init__(self, database: Database, calendars: Calendars, clock: Callable[[], datetime]) -> None:
        self._database, self._calendars, self._clock = database, calendars, clock

    async def ListSchedules(
        self, request: oncall_pb2.ListSchedulesRequest, context: Context
    ) -> oncall_pb2.ListSchedulesResponse:
        now = self._clock()
        rotas = await read_rotas(self._database, now)
        return oncall_pb2.ListSchedulesResponse(schedules=[self._schedule(rota, now) for rota in rotas])

    async def GetSchedule(self, request: oncall_pb2.GetScheduleRequest, context: Context) -> oncall_pb2.Schedule:
        now = self._clock()
        start = instant_of(request.start_time, "start_time") if request.HasField("start_time") else now
        end = instant_of(request.end_time, "end_time") if request.HasField("end_time") else start + WINDOW
        rota = await read_rota(self._database, names.schedule_id(request.name), min(now, start))
        try:
            found = turns(rota.schedule, to_us(start), to_us(end))
        except ValueError as error:
            raise invalid_field("end_time", "BAD_WINDOW", str(error)) from None
        message = self._schedule(rota, now)
        message.turns.extend(_turn(turn, rota) for turn in found)
        return message

    async def WhoIsOnCall(
        self, request: oncall_pb2.WhoIsOnCallRequest, context: Context
    ) -> oncall_pb2.WhoIsOnCallResponse:
        at = instant_of(request.time, "time") if request.HasField("time") else self._clock()
        if request.name:
            rotas = [await read_rota(self._database, names.schedule_id(request.name), at)]
        else:
            rotas = await read_rotas(self._database, at)
        return oncall_pb2.WhoIsOnCallResponse(
            on_call=[
                oncall_pb2.OnCall(
                    schedule=f"schedules/{rota.declared.id}", turn=_turn(turn_at(rota.schedule, to_us(at)), rota)
                )
                for rota in rotas
            ]
        )

    async def CreateOverride(self, request: oncall_pb2.CreateOverrideRequest, context: Context) -> oncall_pb2.Override:
        schedule = names.schedule_id(request.parent, "parent")
        wanted = request.override
        person = names.person_id(wanted.person, "override.person")
        for field in ("start_time", "end_time"):
            if not wanted.HasField(field):
                raise invalid_field(f"override.{field}", "REQUIRED", "is required")
        start = instant_of(wanted.start_time, "override.start_time")
        end = instant_of(wanted.end_time, "override.end_time")
        if not start < end <= start + LONGEST:
            raise invalid_field("override.end_time", "BAD_WINDOW", "must be after the start, by 366 days at most")
        reason = sentence(wanted.reason, "override.reason", LONGEST_REASON) if wanted.reason else ""
        row = OverrideRow(schedule, "o-" + secrets.token_hex(6), person, start, end, reason, caller().person)
        await read_rota(self._database, schedule, start)
        async with self._database.transaction() as connection:
            if await (await connection.execute(SQL["person"], {"person": person})).fetchone() is None:
                raise invalid_field("override.person", "NOT_FOUND", f"there is no person {person}")
            audit.about(f"schedules/{schedule}/overrides/{row.override}")
            await connection.execute(
                SQL["put_override"],
                {
                    "id": row.override,
                    "schedule": schedule,
                    "person": person,
                    "start": start,
                    "end": end,
                    "author": row.author,
                    "reason": reason,
                },
            )
        return _override(row)

    async def DeleteOverride(self, request: oncall_pb2.DeleteOverrideRequest, context: Context) -> Empty:
        schedule, override = names.override_name(request.name)
        row = {"schedule": schedule, "id": override}
        async with self._database.transaction() as connection:
            if not (await connection.execute(SQL["delete_override"], row)).rowcount:
                raise NotFound(
                    "OVERRIDE_NOT_FOUND", f"there is no override {override}", metadata={"override": override}
                )
        return Empty()

    def _schedule(self, rota: Rota, now: datetime) -> oncall_pb2.Schedule:
        return oncall_pb2.Schedule(
            name=f"schedules/{rota.declared.id}",
            title=rota.declared.title or rota.declared.id,
            timezone=rota.declared.timezone,
            current=_turn(turn_at(rota.schedule, to_us(now)), rota),
            overrides=[_override(row) for row in rota.overrides],
            calendar_url=self._calendars.url(rota.declared.id),
        )


def _turn(turn: Turn, rota: Rota) -> oncall_pb2.Turn:
    return oncall_pb2.Turn(
        person=f"people/{turn.person}" if turn.person is not None else "",
        person_title=rota.people.get(turn.person, turn.person) if turn.person is not None else "",
        start_time=timestamp(to_datetime(turn.start_us)),
        end_time=timestamp(to_datetime(turn.end_us)),
        source=turn.source,
    )


def _override(row: OverrideRow) -> oncall_pb2.Override:
    return oncall_pb2.Override(
        name=f"schedules/{row.schedule}/overrides/{row.override}",
        person=f"people/{row.person}",
        start_time=timestamp(row.start_time),
        end_time=timestamp(row.end_time),
        reason=row.reason,
        author=row.author,
    )
