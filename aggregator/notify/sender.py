"""The sender: claims what is due, hands it to the channel's transport, and remembers what became of it."""

import asyncio
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

import structlog
from psycopg_pool import AsyncConnectionPool

from aggregator import database
from aggregator.metrics import DELIVERIES
from aggregator.notify.channels import Delivery, Transport
from aggregator.notify.errors import DeliveryError, PermanentFailure, TemporaryFailure
from aggregator.notify.escalation import Escalation
from aggregator.notify.outbox import Outbox

log = structlog.get_logger(__name__)

AT_ONCE = 16
SEND_WITHIN_S = 20.0
"""Less than a claim's lease, so that nobody sends what is still under way."""
POLL_S = 0.5
"""What falls due by itself is found within this; what is due at once is found by `wake`."""
LONGEST_DELAY = timedelta(minutes=5)
LONGEST_ASKED = timedelta(hours=1)
GIVE_UP_AFTER_S = 86_400.0


def delay_after(attempts: int, asked_s: float = 0.0) -> timedelta:
    """How long to wait after so many failures: 1 s, doubling up to five minutes; longer where the receiver asks for it."""
    doubled = min(timedelta(seconds=2 ** min(attempts - 1, 20)), LONGEST_DELAY)
    return max(doubled, min(timedelta(seconds=asked_s), LONGEST_ASKED))


class Sender:
    """Works off the outbox, a few deliveries at a time, so that a slow channel holds nobody else up."""

    def __init__(
        self,
        pool: AsyncConnectionPool,
        transports: Mapping[str, Transport],
        on_sweep: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_sweep = on_sweep
        self._outbox = Outbox(pool)
        self._escalation = Escalation(pool)
        self._transports = transports
        self._news = asyncio.Event()
        self._deliveries: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Something may have become due."""
        self._news.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until `stopping`, then see the deliveries at hand through."""
        stop = asyncio.ensure_future(stopping.wait())
        try:
            while not stopping.is_set():
                self._news.clear()
                await self._escalate()
                await self._claim()
                news = asyncio.ensure_future(self._news.wait())
                await asyncio.wait({news, stop}, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
            if self._deliveries:
                await asyncio.wait(self._deliveries)
        finally:
            stop.cancel()
            for delivery in self._deliveries:
                delivery.cancel()

    async def _escalate(self) -> None:
        """Let what is due by policy become messages."""
        try:
            await self._escalation.go_on(time.time_ns() // 1000)
        except database.PASSING as error:
            log.warning("escalation.postponed", error=str(error))

    async def _claim(self) -> None:
        free = AT_ONCE - len(self._deliveries)
        if free <= 0:
            return
        try:
            claimed = await self._outbox.claim(free)
        except database.PASSING as error:
            log.warning("outbox.unreachable", error=str(error))
            return
        self._on_sweep()
        for delivery in claimed:
            task = asyncio.ensure_future(self._deliver(delivery))
            self._deliveries.add(task)
            task.add_done_callback(self._delivered)

    def _delivered(self, task: asyncio.Task[None]) -> None:
        self._deliveries.discard(task)
        self.wake()  # something may have waited for this one, or for its place

    async def _deliver(self, delivery: Delivery) -> None:
        """Send one message and remember what became of it, however long the database is away."""
        receipt, error = await self._attempt(delivery)
        reason = str(error) or type(error).__name__
        outbox = self._outbox
        asked_s = error.retry_after_s if isinstance(error, TemporaryFailure) else 0.0
        match error:
            case None:
                result, remember = "sent", partial(outbox.sent, delivery, receipt)
            case PermanentFailure():
                result, remember = "given_up", partial(outbox.give_up, delivery, "given up", reason)
            case _ if delivery.age_s > GIVE_UP_AFTER_S:
                result, remember = "given_up", partial(outbox.give_up, delivery, "given up after a day", reason)
            case _:
                result, remember = (
                    "failed",
                    partial(outbox.postpone, delivery, delay_after(delivery.attempts, asked_s), reason),
                )
        fields = {"channel": delivery.channel, "key": delivery.event_key, "attempt": delivery.attempts}
        if error is None:
            log.info("delivery.sent", **fields)
        else:
            log.warning(f"delivery.{result}", reason=reason, **fields)
        DELIVERIES.labels(delivery.channel_type, result).inc()
        async for attempt in database.patiently():
            with attempt:
                await remember()

    async def _attempt(self, delivery: Delivery) -> tuple[str | None, Exception | None]:
        """Hand it over; the receipt, or what went wrong. Beside DeliveryError that is a fault of ours, and tried again."""
        transport = self._transports.get(delivery.channel_type)
        if delivery.is_deleted:
            return None, PermanentFailure("the channel was removed")
        if transport is None:
            return None, PermanentFailure(f"there are no channels of type {delivery.channel_type}")
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                return await transport.send(delivery), None
        except DeliveryError as error:
            return None, error
        except TimeoutError:
            return None, TemporaryFailure(f"it took longer than {SEND_WITHIN_S:.0f} s")
        except Exception as error:
            # Only where it happened: what it says may hold an address that is a secret.
            where = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
            fields = {"key": delivery.event_key, "channel": delivery.channel}
            log.error("delivery.crashed", error=type(error).__name__, where=where[-3:], **fields)
            return None, TemporaryFailure(f"a fault of ours: {type(error).__name__}")
