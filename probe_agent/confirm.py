"""Answering "check this now": attempts under a suspicion's slot, beside the schedule and within a budget."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC

import structlog
from google.protobuf.message import DecodeError
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from probe_agent import metrics
from probe_agent.attempts import Attempts
from probe_agent.batches import SPAN_US
from probe_agent.budget import TokenBucket
from probe_agent.checks import Check
from probe_agent.clock import BusClock
from quivive import subjects
from quivive.domain.checks import CONFIRMATION
from quivive.domain.times import to_us
from quivive.v1.bus_pb2 import ConfirmRequest

log = structlog.get_logger(__name__)

RATE_PER_S = 50.0
BURST = 50
LAST_ATTEMPT = CONFIRMATION + 9
REMEMBERED = 20_000
"""Requests kept in mind, so that one that comes twice is answered once."""


class Confirmations:
    """Takes requests from the bus and starts their attempts."""

    def __init__(self, region: str, find: Callable[[int], Check | None], attempts: Attempts, clock: BusClock) -> None:
        self._region = region
        self._find = find
        self._attempts = attempts
        self._clock = clock
        self._budget = TokenBucket(RATE_PER_S, BURST)
        self._seen: OrderedDict[tuple[int, int, int], None] = OrderedDict()
        self._subscription: Subscription | None = None

    async def listen(self, nc: Client) -> None:
        """Take requests from now on, through every reconnection."""
        self._subscription = await nc.subscribe(subjects.confirm(self._region), cb=self._take)

    async def close(self) -> None:
        """Take no more requests."""
        if self._subscription is not None:
            with contextlib.suppress(NatsError):  # the connection may be away, and the subscription with it
                await self._subscription.unsubscribe()

    async def _take(self, message: Msg) -> None:
        try:
            result = self.start(ConfirmRequest.FromString(message.data))
        except DecodeError:
            result = "unreadable"
        metrics.CONFIRMATIONS.labels(result).inc()
        if result != "started":
            log.debug("confirmation.passed_over", reason=result)

    def start(self, request: ConfirmRequest) -> str:
        """Start what is asked for. Returns `started`, or in one word why not."""
        check = self._find(request.check)
        if check is None or check.revision != request.revision:
            return "unknown"
        numbers = range(request.first_attempt, request.first_attempt + request.attempts)
        now_us = self._clock.now_us()
        if not numbers or numbers.start < CONFIRMATION or numbers[-1] > LAST_ATTEMPT:
            return "misnumbered"
        # A result's end has to be told relative to its slot, which leaves no room for a slot of long ago.
        if abs(now_us + check.timeout_us - request.slot_us) > SPAN_US // 2:
            return "stale"
        key = (request.check, request.slot_us, request.first_attempt)
        if key in self._seen:
            return "repeated"
        left_us = to_us(request.deadline.ToDatetime(tzinfo=UTC)) - now_us
        if left_us < 0:
            return "expired"
        delay_s = self._budget.reserve(asyncio.get_running_loop().time(), left_us / 1e6)
        if delay_s is None:
            return "over_budget"
        self._seen[key] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        self._attempts.start_confirmation(check, request.slot_us, numbers, delay_s, left_us / 1e6)
        return "started"
