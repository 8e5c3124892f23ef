"""TailResults: what arrives on the results stream, for a few listeners at a time, each with a reader of its own.

1. Find the checks, and read their shards only.
2. Begin behind a token's message, or where the stream stood so long ago, or now.
3. Hand out what is wanted, message by message; each has its place in the stream as a token.
"""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from google.protobuf.message import DecodeError
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from api.bus_link import BusLink
from api.errors import OutOfRange, ResourceExhausted, Unavailable, invalid_field
from api.streams.results import results_of
from quivive import subjects
from quivive.bus import Reader
from quivive.domain.checks import shard_of
from quivive.v1 import bus_pb2, outcome_pb2, result_pb2

MOST = 50
"""Listeners at a time: each costs the broker a consumer."""
QUIET_S = 10.0
PIECE = 500


class Tails:
    """All tails of this process."""

    def __init__(self, link: BusLink, shards: int) -> None:
        self._link, self._shards = link, shards
        self._running = 0

    async def tail(
        self, checks: Mapping[int, str], request: result_pb2.TailResultsRequest, since: timedelta | None
    ) -> AsyncIterator[result_pb2.TailResultsResponse]:
        """Results of these checks, by id and name, for as long as somebody listens."""
        if self._running >= MOST:
            raise ResourceExhausted("TOO_MANY_TAILS", f"{MOST} callers listen to results already", retry_s=10.0)
        self._running += 1
        try:
            async for message in self._messages(checks, request, since):
                yield message
        finally:
            self._running -= 1

    async def _messages(
        self, checks: Mapping[int, str], request: result_pb2.TailResultsRequest, since: timedelta | None
    ) -> AsyncIterator[result_pb2.TailResultsResponse]:
        nc = self._link.client()
        filters = sorted({subjects.results(shard_of(check, self._shards), "*") for check in checks})
        try:
            after = await self._begin(filters, request, since)
        except (NatsError, TimeoutError) as error:
            raise Unavailable("BROKER_UNAVAILABLE", "the broker is away at present", retry_s=1.0) from error
        # So that whoever breaks off at once knows where.
        yield result_pb2.TailResultsResponse(resume_token=_encode(after))
        reader = Reader(nc, subjects.RESULTS_STREAM, filters, after=after)
        reading: asyncio.Task[object] | None = None
        try:
            while True:
                reading = asyncio.create_task(reader.read(PIECE))
                while not (await asyncio.wait({reading}, timeout=QUIET_S))[0]:
                    yield result_pb2.TailResultsResponse(resume_token=_encode(after))
                for delivery in reading.result():
                    after = delivery.sequence
                    with suppress(DecodeError):
                        batch = bus_pb2.ResultBatch.FromString(delivery.data)
                        results = [result for result in results_of(batch, checks) if _wanted(result, request)]
                        if results:
                            yield result_pb2.TailResultsResponse(results=results, resume_token=_encode(after))
        finally:
            if reading is not None:
                reading.cancel()
            await reader.close()

    async def _begin(self, filters: list[str], request: result_pb2.TailResultsRequest, since: timedelta | None) -> int:
        """The sequence behind which to begin."""
        js = self._link.client().jetstream()
        state = (await js.stream_info(subjects.RESULTS_STREAM)).state
        if request.resume_token:
            after = _decode(request.resume_token)
            if after > state.last_seq or after + 1 < state.first_seq:
                raise OutOfRange("RESUME_TOKEN_TOO_OLD", "what arrived since then is kept no more: begin anew")
            return after
        if not since:
            return state.last_seq
        # A consumer from a time on knows the sequence that it begins at.
        config = ConsumerConfig(
            ack_policy=AckPolicy.EXPLICIT,
            deliver_policy=DeliverPolicy.BY_START_TIME,
            opt_start_time=datetime.now(UTC) - since,
            inactive_threshold=5.0,
            mem_storage=True,
            num_replicas=1,
        )
        info = await js.add_consumer(subjects.RESULTS_STREAM, config)
        delivered = info.delivered.stream_seq if info.delivered else None
        return state.last_seq if delivered is None else delivered


def _wanted(result: result_pb2.Result, request: result_pb2.TailResultsRequest) -> bool:
    return (not request.region or result.region == request.region) and (
        not request.failing_only or result.outcome != outcome_pb2.OUTCOME_UP
    )


def _encode(after: int) -> str:
    return urlsafe_b64encode(json.dumps(["results", after]).encode()).decode().rstrip("=")


def _decode(token: str) -> int:
    try:
        kind, after = json.loads(urlsafe_b64decode(token[:200] + "=" * (-len(token[:200]) % 4)))
        if kind != "results" or type(after) is not int or not 0 <= after < 2**63:
            raise ValueError
    except (Base64Error, UnicodeError, ValueError, TypeError, RecursionError):
        raise invalid_field("resume_token", "BAD_RESUME_TOKEN", "is not a token that this stream gave out") from None
    return after
