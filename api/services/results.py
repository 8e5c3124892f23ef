"""ResultService: what single attempts saw."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import grpc

from api import names, page_tokens
from api.auth import scope
from api.bus_link import BusLink
from api.database import Database
from api.errors import NotFound, invalid_field
from api.instants import instant_of
from api.page_tokens import Key
from api.results import CheckName, ResultRow, read_checks, read_results
from api.services.messages import timestamp
from api.streams.results import phase_length
from api.streams.tail import Tails
from quivive.domain.times import to_datetime, to_us
from quivive.v1 import outcome_pb2, result_pb2, result_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

LONGEST_SINCE = timedelta(hours=1)
_LOWEST_ATTEMPT = -1


class ResultService(result_pb2_grpc.ResultServiceServicer):
    def __init__(self, database: Database, link: BusLink, shards: int, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock
        self._tails = Tails(link, shards)

    async def ListResults(
        self, request: result_pb2.ListResultsRequest, context: Context
    ) -> result_pb2.ListResultsResponse:
        site, check = names.check_name(request.parent, "parent")
        region = names.region_part(request.region, "region") if request.region else None
        size, now = page_tokens.page_size(request.page_size), self._clock()
        end = instant_of(request.end_time, "end_time") if request.HasField("end_time") else now
        start = (
            instant_of(request.start_time, "start_time") if request.HasField("start_time") else end - timedelta(hours=1)
        )
        if start >= end:
            raise invalid_field("start_time", "BAD_WINDOW", "must be before the end")
        listing: Key = (
            *("results", request.parent, request.region, int(request.failing_only)),
            *(request.start_time.SerializeToString().hex(), request.end_time.SerializeToString().hex()),
        )
        key = page_tokens.decode(request.page_token, listing, (int, str, str, int))
        if key is not None and not str(key[1]).isdecimal():
            raise invalid_field("page_token", "BAD_PAGE_TOKEN", "is not a token that this listing gave out")
        found = await self._checks(site, check or "http", None, request.parent)
        after = (
            (to_datetime(int(key[0])), int(str(key[1])), str(key[2]), int(key[3]) + _LOWEST_ATTEMPT) if key else None
        )
        rows = await read_results(
            self._database,
            [row.check_id for row in found],
            start=start,
            end=end,
            region=region,
            failing_only=request.failing_only,
            after=after,
            limit=size + 1,
        )
        more, page = len(rows) > size, rows[:size]
        token = ""
        if more:
            last = page[-1]
            parts: Key = (to_us(last.slot), str(last.check_id), last.region, last.attempt - _LOWEST_ATTEMPT)
            token = page_tokens.encode(parts, listing)
        return result_pb2.ListResultsResponse(results=[_message(row) for row in page], next_page_token=token)

    async def TailResults(
        self, request: result_pb2.TailResultsRequest, context: Context
    ) -> AsyncIterator[result_pb2.TailResultsResponse]:
        if request.region:
            names.region_part(request.region, "region")
        since = None
        if request.HasField("since"):
            if not (0 <= request.since.seconds <= LONGEST_SINCE.total_seconds() and 0 <= request.since.nanos < 10**9):
                raise invalid_field("since", "BAD_SINCE", "is not a duration from 0 to 1 h")
            since = min(request.since.ToTimedelta(), LONGEST_SINCE)
        if request.parent.startswith("customers/"):
            found = await self._checks(None, None, names.customer_id(request.parent, "parent"), request.parent)
        else:
            site, check = names.check_name(request.parent, "parent")
            found = await self._checks(site, check, None, request.parent)
        checks = {row.check_id: f"sites/{row.site_id}/checks/{row.name}" for row in found}
        async for message in self._tails.tail(checks, request, since):
            yield message

    async def _checks(self, site: str | None, check: str | None, customer: str | None, parent: str) -> list[CheckName]:
        found = await read_checks(self._database, site=site, check=check, customer=customer, owner=scope.owner())
        if not found:
            raise NotFound("PARENT_NOT_FOUND", f"there is no check of {parent}", metadata={"parent": parent})
        return found


def _message(row: ResultRow) -> result_pb2.Result:
    return result_pb2.Result(
        check=f"sites/{row.site_id}/checks/{row.check_name}",
        region=row.region,
        slot=timestamp(row.slot),
        attempt=row.attempt,
        end_time=timestamp(row.end_time),
        outcome=outcome_pb2.Outcome.ValueType(row.outcome),
        cause=outcome_pb2.Cause.ValueType(row.cause),
        http_status=row.http_status,
        dns=phase_length(row.dns),
        connect=phase_length(row.connect),
        tls=phase_length(row.tls),
        first_byte=phase_length(row.first_byte),
        transfer=phase_length(row.transfer),
        detail=row.detail or "",
        address=row.address or "",
        revision=row.revision,
    )
