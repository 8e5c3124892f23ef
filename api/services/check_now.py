"""CheckNow: asks the agents of a check's regions to look at once, and waits for what they saw.

1. Listen for results on the check's shard, then ask each region, as the aggregator does when it wants a confirmation.
2. Take each region's answer to this request: the slot tells them from others.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from api.bus_link import BusLink
from api.database import Database
from api.errors import FailedPrecondition, NotFound, Unavailable, invalid_field
from api.sites import CheckRow, read_site
from api.streams.results import results_of
from quivive import subjects
from quivive.domain.checks import CONFIRMATION, shard_of
from quivive.domain.times import to_us
from quivive.v1 import bus_pb2, result_pb2, site_pb2

LONGEST = timedelta(seconds=30)
SPARE = timedelta(seconds=5)
"""On top of the check's own timeout."""


class CheckNow:
    def __init__(self, database: Database, link: BusLink, shards: int) -> None:
        self._database, self._link, self._shards = database, link, shards

    async def ask(self, site: str, check: str | None, request: site_pb2.CheckNowRequest) -> site_pb2.CheckNowResponse:
        """What the regions saw. NotFound, and FailedPrecondition for what nobody looks at."""
        row = await self._check(site, check)
        regions = self._regions(row, request.regions)
        wait = min(timedelta(microseconds=row.timeout_us) + SPARE, LONGEST)
        if request.HasField("wait"):
            given = request.wait
            if not (0 <= given.seconds <= LONGEST.total_seconds() and 0 <= given.nanos < 1_000_000_000):
                raise invalid_field("wait", "BAD_WAIT", "is not a duration from 0 to 30 s")
            wait = min(given.ToTimedelta(), LONGEST)
        results = await self._answers(row, regions, wait)
        silent = [region for region in regions if region not in results]
        return site_pb2.CheckNowResponse(results=list(results.values()), silent_regions=silent)

    async def _check(self, site: str, check: str | None) -> CheckRow:
        found = await read_site(self._database, site)
        wanted = check if check is not None else "http"
        row = next((row for row in found.checks if row.name == wanted), None)
        if row is None:
            name = f"sites/{site}/checks/{wanted}"
            raise NotFound("CHECK_NOT_FOUND", f"there is no {name}", metadata={"check": name})
        if row.type == "heartbeat":
            raise FailedPrecondition("NOT_LOOKED_AT", "a heartbeat's job calls us: there is nothing to look at")
        if row.paused or found.row.paused:
            raise FailedPrecondition("PAUSED", f"site {site} is paused: resume it first")
        return row

    @staticmethod
    def _regions(row: CheckRow, wanted: Sequence[str]) -> list[str]:
        for number, region in enumerate(wanted):
            if region not in row.regions:
                raise invalid_field(
                    f"regions[{number}]", "UNKNOWN_REGION", f"is none of the check's: {', '.join(row.regions)}"
                )
        return sorted(set(wanted)) or list(row.regions)

    async def _answers(self, row: CheckRow, regions: Sequence[str], wait: timedelta) -> dict[str, result_pb2.Result]:
        nc = self._link.client()
        slot_us = to_us(datetime.now(UTC))
        name = f"sites/{row.site_id}/checks/{row.name}"
        answers: dict[str, result_pb2.Result] = {}
        complete = asyncio.Event()

        async def take(message: Msg) -> None:
            with suppress(DecodeError):
                batch = bus_pb2.ResultBatch.FromString(message.data)
                for result in results_of(batch, {row.check_id: name}):
                    if result.slot.ToMicroseconds() == slot_us and result.region in regions:
                        answers.setdefault(result.region, result)
            if len(answers) == len(regions):
                complete.set()

        subject = subjects.results(shard_of(row.check_id, self._shards), "*")
        try:
            subscription = await nc.subscribe(subject, cb=take)
            try:
                await nc.flush(2)
                deadline_us = slot_us + wait // timedelta(microseconds=1)
                for region in regions:
                    asked = bus_pb2.ConfirmRequest(
                        check=row.check_id,
                        revision=row.revision,
                        slot_us=slot_us,
                        first_attempt=CONFIRMATION,
                        attempts=1,
                    )
                    asked.deadline.FromMicroseconds(deadline_us)
                    await nc.publish(subjects.confirm(region), asked.SerializeToString())
                with suppress(TimeoutError):
                    await asyncio.wait_for(complete.wait(), wait.total_seconds())
            finally:
                with suppress(NatsError):
                    await subscription.unsubscribe()
        except NatsError as error:
            raise Unavailable("BROKER_UNAVAILABLE", "the broker is away at present", retry_s=1.0) from error
        return answers
