"""Asks regions to check now. Within a budget: past it, the regular slots decide."""

import time

import structlog
from google.protobuf.timestamp_pb2 import Timestamp
from nats.aio.client import Client
from nats.errors import Error as NatsError

from aggregator.decide.transitions import ConfirmationWanted
from quivive import subjects
from quivive.v1 import bus_pb2

log = structlog.get_logger(__name__)

REQUESTS_PER_S = 100.0
BURST = 500.0


class Budget:
    """A token bucket. Times are seconds on any clock that does not go back."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens = burst
        self._at: float | None = None

    def take(self, tokens: float, now: float) -> bool:
        """Whether so much may be spent now."""
        if self._at is not None:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if tokens > self._tokens:
            return False
        self._tokens -= tokens
        return True


class Confirmations:
    """Publishes requests on `quivive.confirm.<region>`. One that is lost costs only time: slots decide then, too."""

    def __init__(self, nc: Client) -> None:
        self._nc = nc
        self._budget = Budget(REQUESTS_PER_S, BURST)

    async def ask(self, wanted: ConfirmationWanted) -> None:
        """Ask the regions, unless it is too late or too much."""
        if wanted.deadline_us <= time.time_ns() // 1000 or not self._nc.is_connected:
            return
        if not self._budget.take(len(wanted.regions), time.monotonic()):
            log.warning("confirmation.skipped", check=wanted.check, regions=wanted.regions)
            return
        deadline = Timestamp()
        deadline.FromMicroseconds(wanted.deadline_us)
        request = bus_pb2.ConfirmRequest(
            check=wanted.check,
            revision=wanted.revision,
            slot_us=wanted.slot_us,
            first_attempt=wanted.first_attempt,
            attempts=wanted.attempts,
            deadline=deadline,
        ).SerializeToString()
        try:
            for region in wanted.regions:
                await self._nc.publish(subjects.confirm(region), request)
        except NatsError as error:
            log.warning("confirmation.failed", check=wanted.check, error=str(error) or type(error).__name__)
