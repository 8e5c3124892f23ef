"""SlaService: figures from recorded state intervals."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from api import names
from api.auth import scope
from api.calendars import Granularity, month_window
from api.database import Database
from api.errors import invalid_field
from api.figures import Span, mean_availability
from api.incidents import require_subject
from api.latencies import read_latencies
from api.names import Subject
from api.response import count
from api.services.messages import timestamp
from api.services.sla_messages import figure_message, latency_message, target_message
from api.sites import read_tagged
from api.sla import SiteFigure, read_figures
from api.sla_rows import read_timezone
from api.targets import read_targets
from quivive.domain.times import to_datetime, to_us
from quivive.v1 import sla_pb2, sla_pb2_grpc

Windowed = (
    sla_pb2.QuerySlaRequest
    | sla_pb2.QueryLatencyRequest
    | sla_pb2.BatchQuerySlaRequest
    | sla_pb2.QueryResponseTargetsRequest
)

LONGEST = timedelta(days=5 * 366)


ALL = "customers/-"
"""Every site there is."""
MOST_SUBJECTS, MOST_TAGGED = 200, 1000
"""In one batch."""
MOST_BUCKETS = 20_000
"""In one answer, over all its sites."""
_GRANULARITIES = {
    sla_pb2.GRANULARITY_HOUR: (Granularity.HOUR, timedelta(hours=1)),
    sla_pb2.GRANULARITY_DAY: (Granularity.DAY, timedelta(days=1)),
    sla_pb2.GRANULARITY_WEEK: (Granularity.WEEK, timedelta(days=7)),
    sla_pb2.GRANULARITY_MONTH: (Granularity.MONTH, timedelta(days=28)),
}
_AWAY = timedelta(hours=15)
"""No zone is further from UTC."""


class SlaService(sla_pb2_grpc.SlaServiceServicer):
    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def QuerySla(
        self,
        request: sla_pb2.QuerySlaRequest,
        context: grpc.aio.ServicerContext[sla_pb2.QuerySlaRequest, sla_pb2.QuerySlaResponse],
    ) -> sla_pb2.QuerySlaResponse:
        if request.subject == ALL and scope.whole():
            return await self._query_all(request)
        now, subject = self._clock(), names.subject(request.subject)
        await require_subject(self._database, subject, scope.owner())
        window = await self._window(request, subject, now)
        granularity = granularity_of(request, window)
        figures = await read_figures(self._database, subject, window, granularity, to_us(now))
        if sum(len(figure.buckets) for figure in figures) > MOST_BUCKETS:
            raise invalid_field("granularity", "TOO_FINE", "too many parts over all sites: ask for one site")
        return _response(window, figures)

    async def QueryLatency(
        self,
        request: sla_pb2.QueryLatencyRequest,
        context: grpc.aio.ServicerContext[sla_pb2.QueryLatencyRequest, sla_pb2.QueryLatencyResponse],
    ) -> sla_pb2.QueryLatencyResponse:
        now, site = self._clock(), names.site_id(request.subject, "subject")
        await require_subject(self._database, Subject(site=site), scope.owner())
        window = await self._window(request, Subject(site=site), now)
        return sla_pb2.QueryLatencyResponse(
            start_time=timestamp(to_datetime(window.start_us)),
            end_time=timestamp(to_datetime(window.end_us)),
            figures=[
                latency_message(site, figure)
                for figure in await read_latencies(self._database, site, window, to_us(now))
            ],
        )

    async def BatchQuerySla(
        self,
        request: sla_pb2.BatchQuerySlaRequest,
        context: grpc.aio.ServicerContext[sla_pb2.BatchQuerySlaRequest, sla_pb2.BatchQuerySlaResponse],
    ) -> sla_pb2.BatchQuerySlaResponse:
        subjects = [names.subject(name, f"subjects[{number}]") for number, name in enumerate(request.subjects)]
        if len(subjects) > MOST_SUBJECTS:
            raise invalid_field("subjects", "TOO_MANY", f"names more than {MOST_SUBJECTS}")
        if len(set(subjects)) != len(subjects):
            raise invalid_field("subjects", "REPEATED", "names something twice")
        if not subjects and not request.tag:
            raise invalid_field("subjects", "REQUIRED", "must name something, or a tag must be given")
        if "\0" in request.tag:
            raise invalid_field("tag", "BAD_CHARACTER", "has a control character")
        for subject in subjects:
            await require_subject(self._database, subject, scope.owner())
        if request.tag:
            tagged = [Subject(site=site) for site in await read_tagged(self._database, request.tag, scope.owner())]
            if len(tagged) > MOST_TAGGED:
                raise invalid_field("tag", "TOO_MANY", f"more than {MOST_TAGGED} sites have it")
            subjects += [subject for subject in tagged if subject not in subjects]
        now, answer, parts = self._clock(), sla_pb2.BatchQuerySlaResponse(), 0
        for subject in subjects:
            window = await self._window(request, subject, now)
            granularity = granularity_of(request, window)
            figures = await read_figures(self._database, subject, window, granularity, to_us(now))
            parts += sum(len(figure.buckets) for figure in figures)
            if parts > MOST_BUCKETS:
                raise invalid_field("granularity", "TOO_FINE", "too many parts over all subjects: ask for fewer")
            found = _response(window, figures)
            answer.subjects.add(
                subject=str(subject),
                start_time=found.start_time,
                end_time=found.end_time,
                figures=found.figures,
                mean_availability=found.mean_availability if found.HasField("mean_availability") else None,
            )
        return answer

    async def QueryResponseTargets(
        self,
        request: sla_pb2.QueryResponseTargetsRequest,
        context: grpc.aio.ServicerContext[sla_pb2.QueryResponseTargetsRequest, sla_pb2.QueryResponseTargetsResponse],
    ) -> sla_pb2.QueryResponseTargetsResponse:
        now, subject = self._clock(), names.subject(request.subject)
        await require_subject(self._database, subject, scope.owner())
        window = await self._window(request, subject, now)
        targets = await read_targets(self._database, subject, window, to_us(now))
        totals = count(target.response for target in targets)
        return sla_pb2.QueryResponseTargetsResponse(
            start_time=timestamp(to_datetime(window.start_us)),
            end_time=timestamp(to_datetime(window.end_us)),
            targets=[target_message(target) for target in targets],
            totals=sla_pb2.ResponseFigure(
                met=totals.met, breached=totals.breached, not_due=totals.not_due, pending=totals.pending
            ),
        )

    async def _window(self, request: Windowed, subject: Subject, now: datetime) -> Span:
        if not request.month:
            return window_of(request, now)
        return month_of(request, await read_timezone(self._database, subject), now)

    async def _query_all(self, request: sla_pb2.QuerySlaRequest) -> sla_pb2.QuerySlaResponse:
        # numpy is not small: only who asks for all sites pays for it.
        from api.sla_many import read_all_figures

        if request.granularity != sla_pb2.GRANULARITY_UNSPECIFIED:
            raise invalid_field("granularity", "BAD_GRANULARITY", "is for one site or one customer")
        now = self._clock()
        if not request.month:
            window = window_of(request, now)
            return _response(window, await read_all_figures(self._database, window, lambda zone: window))
        # Where it has begun nowhere on Earth, there is nothing to ask for.
        earliest = month_of(request, ZoneInfo("Etc/GMT-14"), now)
        span = Span(earliest.start_us, min(earliest.end_us + 2 * _AWAY // timedelta(microseconds=1), to_us(now)))

        def month_in(zone: ZoneInfo) -> Span:
            month = month_window(request.month, zone)
            return Span(min(month.start_us, to_us(now)), min(month.end_us, to_us(now)))

        return _response(span, await read_all_figures(self._database, span, month_in))


def _response(window: Span, figures: Sequence[SiteFigure]) -> sla_pb2.QuerySlaResponse:
    return sla_pb2.QuerySlaResponse(
        start_time=timestamp(to_datetime(window.start_us)),
        end_time=timestamp(to_datetime(window.end_us)),
        figures=[figure_message(figure) for figure in figures],
        mean_availability=mean_availability(figure.durations for figure in figures),
    )


def granularity_of(request: sla_pb2.QuerySlaRequest | sla_pb2.BatchQuerySlaRequest, window: Span) -> Granularity | None:
    """What the window is to be cut into. InvalidArgument for a number that is none, or far too many parts."""
    if request.granularity == sla_pb2.GRANULARITY_UNSPECIFIED:
        return None
    found = _GRANULARITIES.get(request.granularity)
    if found is None:
        raise invalid_field("granularity", "BAD_GRANULARITY", "is none of hour, day, week and month")
    granularity, shortest = found
    if (window.end_us - window.start_us) * timedelta(microseconds=1) / shortest > MOST_BUCKETS:
        raise invalid_field("granularity", "TOO_FINE", f"makes more than {MOST_BUCKETS} parts of the window")
    return granularity


def month_of(request: Windowed, zone: ZoneInfo, now: datetime) -> Span:
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


def window_of(request: Windowed, now: datetime) -> Span:
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
