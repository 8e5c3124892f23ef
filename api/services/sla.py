"""SlaService: figures from recorded state intervals."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from api import names
from api.calendars import month_window
from api.database import Database
from api.errors import invalid_field
from api.figures import Span, mean_availability
from api.incidents import require_subject
from api.names import Subject
from api.services.messages import figure_message, timestamp
from api.sla import read_figures, read_timezone
from quivive.domain.times import to_datetime, to_us
from quivive.v1 import sla_pb2, sla_pb2_grpc

LONGEST = timedelta(days=5 * 366)


class SlaService(sla_pb2_grpc.SlaServiceServicer):
    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def QuerySla(
        self,
        request: sla_pb2.QuerySlaRequest,
        context: grpc.aio.ServicerContext[sla_pb2.QuerySlaRequest, sla_pb2.QuerySlaResponse],
    ) -> sla_pb2.QuerySlaResponse:
        subject = names.subject(request.subject)
        window = await self._window(request, subject)
        await require_subject(self._database, subject)
        figures = await read_figures(self._database, subject, window)
        return sla_pb2.QuerySlaResponse(
            start_time=timestamp(to_datetime(window.start_us)),
            end_time=timestamp(to_datetime(window.end_us)),
            figures=[figure_message(figure) for figure in figures],
            mean_availability=mean_availability(figure.durations for figure in figures),
        )

    async def _window(self, request: sla_pb2.QuerySlaRequest, subject: Subject) -> Span:
        now = self._clock()
        if not request.month:
            return window_of(request, now)
        return month_of(request, await read_timezone(self._database, subject), now)


def month_of(request: sla_pb2.QuerySlaRequest, zone: ZoneInfo, now: datetime) -> Span:
    """The requested calendar month, up to now. InvalidArgument when it is none, has not begun, or times are given too."""
    if request.HasField("start_time") or request.HasField("end_time"):
        raise invalid_field("month", "BAD_WINDOW", "stands instead of start_time and end_time")
    try:
        calendar = month_window(request.month, zone)
    except ValueError as error:
        raise invalid_field("month", "BAD_MONTH", str(error)) from None
    if calendar.start_us >= to_us(now):
        raise invalid_field("month", "BAD_MONTH", "has not begun")
    return Span(calendar.start_us, min(calendar.end_us, to_us(now)))


def window_of(request: sla_pb2.QuerySlaRequest, now: datetime) -> Span:
    """The requested window. InvalidArgument unless start < end ≤ now and it is at most five years long."""
    if not request.HasField("start_time"):
        raise invalid_field("start_time", "BAD_WINDOW", "is required")
    start = _instant(request.start_time, "start_time")
    end = _instant(request.end_time, "end_time") if request.HasField("end_time") else to_us(now)
    if end > to_us(now):
        raise invalid_field("end_time", "BAD_WINDOW", "is in the future")
    if start >= end:
        raise invalid_field("start_time", "BAD_WINDOW", "must be before the end")
    if end - start > LONGEST // timedelta(microseconds=1):
        raise invalid_field("start_time", "BAD_WINDOW", "the window is longer than five years")
    return Span(start, end)


def _instant(message: Timestamp, field: str) -> int:
    """Microseconds; what is finer is cut off."""
    if not (-62_135_596_800 <= message.seconds <= 253_402_300_799 and 0 <= message.nanos < 1_000_000_000):
        raise invalid_field(field, "BAD_WINDOW", "is not a time")
    return message.seconds * 1_000_000 + message.nanos // 1_000
