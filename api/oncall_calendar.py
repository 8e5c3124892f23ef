"""A schedule as an iCalendar address to subscribe to. Whoever has the address can read it: it is signed, and names one schedule."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api import names
from api.database import Database
from api.errors import NotFound
from api.oncall import Rota, read_rota
from quivive.domain.times import to_datetime, to_us
from quivive.oncall.shifts import turns
from quivive.signing import BadToken, read_token, sign_token

CALENDAR = "calendar"
GOOD_FOR_S = 3650 * 86_400
PAST, AHEAD = timedelta(days=30), timedelta(days=180)


class Calendars:
    """`key` None: there are no such addresses."""

    def __init__(self, database: Database, key: str | None, public_url: str, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._key = key.encode() if key else None
        self._public_url = public_url.rstrip("/")
        self._clock = clock

    def url(self, schedule: str) -> str:
        """Empty without a key."""
        if self._key is None:
            return ""
        token = sign_token(self._key, CALENDAR, {"schedule": schedule}, int(time.time()) + GOOD_FOR_S)
        return f"{self._public_url}/oncall/{schedule}.ics?key={token}"

    def routes(self) -> list[Route]:
        return [Route("/oncall/{schedule}.ics", self._answer)] if self._key is not None else []

    async def _answer(self, request: Request) -> Response:
        schedule = names.schedule_id(f"schedules/{request.path_params['schedule']}")
        assert self._key is not None
        try:
            fields = read_token(self._key, CALENDAR, request.query_params.get("key", ""), int(time.time()))
        except BadToken:
            fields = {}
        if fields.get("schedule") != schedule:
            raise NotFound("SCHEDULE_NOT_FOUND", f"there is no schedule {schedule}", metadata={"schedule": schedule})
        now = self._clock()
        rota = await read_rota(self._database, schedule, now - PAST)
        return Response(
            render(rota, now),
            media_type="text/calendar; charset=utf-8",
            headers={"Cache-Control": "private, max-age=300", "X-Content-Type-Options": "nosniff"},
        )


def render(rota: Rota, now: datetime) -> bytes:
    """Half a year of turns; a gap is an event too, so that somebody sees it."""
    title = rota.declared.title or rota.declared.id
    calendar = Calendar()
    calendar.add("prodid", "-//Quivive//On call//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", title)
    calendar.add("refresh-interval;value=duration", "PT1H")
    for turn in turns(rota.schedule, to_us(now - PAST), to_us(now + AHEAD)):
        event = Event()
        who = rota.people.get(turn.person, turn.person) if turn.person is not None else "nobody"
        event.add("uid", f"{rota.declared.id}-{turn.start_us}@quivive")
        event.add("dtstamp", now.astimezone(UTC))
        event.add("dtstart", to_datetime(turn.start_us))
        event.add("dtend", to_datetime(turn.end_us))
        event.add("summary", f"{who} ({title})")
        event.add("description", turn.source)
        event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    return bytes(calendar.to_ical())
