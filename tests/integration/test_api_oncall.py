"""OnCallService, its calendars and `quivive oncall`, over a real api."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from api_server import CONFIGURATION, Api, refusal, running_api
from icalendar import Calendar

from quivive.v1 import oncall_pb2, oncall_pb2_grpc

ONCALL: dict[str, Any] = {
    **CONFIGURATION,
    "people": [
        {"id": "alice", "name": "Alice Martin", "email": "alice@agency.example"},
        {"id": "bob", "name": "Bob", "email": "bob@agency.example"},
    ],
    "schedules": [
        {
            "id": "primary",
            "title": "Nights",
            "timezone": "Europe/Paris",
            "layers": [
                {"rotation": ["alice", "bob"], "shift": "weekly", "handover": "MON 09:00", "start": "2026-01-05"}
            ],
        },
        {"id": "office", "layers": [{"rotation": ["bob"], "hours": "MON-FRI 09:00-18:00"}]},
    ],
}


@pytest.fixture
async def api(migrated_url: str, nats_url: str) -> AsyncIterator[Api]:
    settings = {"link_key": "a key for links of tests", "public_url": "https://status.agency.example"}
    async with running_api(migrated_url, nats_url, **settings) as running:
        await running.apply(ONCALL)
        yield running


def stub(api: Api) -> Any:
    return oncall_pb2_grpc.OnCallServiceStub(api.channel)


def at(text: str) -> Any:
    request = oncall_pb2.WhoIsOnCallRequest(name="schedules/primary")
    request.time.FromDatetime(datetime.fromisoformat(text))
    return request


async def test_who_is_on_call_at_an_instant_and_who_stands_in(api: Api) -> None:
    (monday,) = (await stub(api).WhoIsOnCall(at("2026-01-12T08:59:59+01:00"))).on_call
    assert (monday.turn.person, monday.turn.person_title) == ("people/alice", "Alice Martin")
    override = oncall_pb2.Override(person="people/bob", reason="Alice is ill")
    override.start_time.FromDatetime(datetime.fromisoformat("2027-01-05T00:00:00+00:00"))
    override.end_time.FromDatetime(datetime.fromisoformat("2027-01-05T12:00:00+00:00"))
    request = oncall_pb2.CreateOverrideRequest(parent="schedules/primary", override=override)
    before = (await stub(api).WhoIsOnCall(at("2027-01-05T06:00:00+00:00"))).on_call[0].turn
    made = await stub(api).CreateOverride(request)
    during = (await stub(api).WhoIsOnCall(at("2027-01-05T06:00:00+00:00"))).on_call[0].turn
    assert (during.person, during.source) == ("people/bob", "override")
    assert during.end_time.ToDatetime(UTC) == datetime.fromisoformat("2027-01-05T12:00:00+00:00")
    await stub(api).DeleteOverride(oncall_pb2.DeleteOverrideRequest(name=made.name))
    await stub(api).DeleteOverride(oncall_pb2.DeleteOverrideRequest(name=made.name))
    after = (await stub(api).WhoIsOnCall(at("2027-01-05T06:00:00+00:00"))).on_call[0].turn
    assert after == before


async def test_a_schedule_s_turns_cover_its_window_gaps_included(api: Api) -> None:
    request = oncall_pb2.GetScheduleRequest(name="schedules/office")
    request.start_time.FromDatetime(datetime.fromisoformat("2026-03-02T00:00:00+00:00"))
    schedule = await stub(api).GetSchedule(request)
    assert [turn.person for turn in schedule.turns][:3] == ["", "people/bob", ""]
    assert schedule.turns[-1].end_time.ToDatetime(UTC) - schedule.turns[0].start_time.ToDatetime(UTC) == timedelta(
        days=28
    )


@pytest.mark.parametrize(
    ("request_", "method", "code"),
    [
        (oncall_pb2.GetScheduleRequest(name="schedules/none"), "GetSchedule", grpc.StatusCode.NOT_FOUND),
        (oncall_pb2.GetScheduleRequest(name="primary"), "GetSchedule", grpc.StatusCode.INVALID_ARGUMENT),
        (
            oncall_pb2.CreateOverrideRequest(parent="schedules/primary"),
            "CreateOverride",
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
        (
            oncall_pb2.DeleteOverrideRequest(name="schedules/primary/overrides/o-1"),
            "DeleteOverride",
            grpc.StatusCode.NOT_FOUND,
        ),
    ],
)
async def test_what_is_wrong_is_refused(api: Api, request_: Any, method: str, code: grpc.StatusCode) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await getattr(stub(api), method)(request_)
    assert refusal(error.value).code is code


async def test_a_calendar_opens_for_whoever_has_its_address_and_for_nobody_else(api: Api) -> None:
    schedules = (await stub(api).ListSchedules(oncall_pb2.ListSchedulesRequest())).schedules
    assert [schedule.name for schedule in schedules] == ["schedules/office", "schedules/primary"]
    address = urlsplit(schedules[1].calendar_url)
    answer = await api.web.get(f"{address.path}?{address.query}")
    assert answer.headers["content-type"].startswith("text/calendar")
    calendar = Calendar.from_ical(answer.content)
    assert {str(event["SUMMARY"]) for event in calendar.walk("VEVENT")} == {"Alice Martin (Nights)", "Bob (Nights)"}
    for wrong in (address.path, f"{address.path}?key=x", f"/oncall/office.ics?{address.query}"):
        assert (await api.web.get(wrong)).status_code == 404


async def test_the_command_says_who_it_is_and_where_nobody_is(api: Api) -> None:
    async def quivive(*arguments: str) -> Any:
        command = [sys.executable, "-c", "from quivive.cli import main; main()", *arguments, "--output", "json"]
        environment = {**os.environ, "QUIVIVE_SERVER": f"127.0.0.1:{api.ports.grpc}", "QUIVIVE_TOKEN": api.token}
        done = await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    who = await quivive("oncall", "who", "--at", "2026-01-12T08:59:59+01:00", "--schedule", "primary")
    assert [(one["schedule"], one["person"]) for one in who] == [("schedules/primary", "people/alice")]
    gaps = await quivive("oncall", "gaps", "--days", "7")
    assert gaps
    assert {gap["schedule"] for gap in gaps} == {"schedules/office"}
