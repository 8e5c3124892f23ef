"""Reads a stream in order, from a sequence on, and goes on after any loss of the broker or of the consumer.

An ordered consumer in the sense of the NATS client guidelines (ADR-17): a push consumer without acknowledgements, whose
deliveries must be numbered without a gap and whose silence is broken by heartbeats. On a gap, or when the heartbeats stop, a new
one is made that starts behind the last message that was handed out. Flow control messages are answered when the reader reaches
them, so that a slow reader slows the broker down instead of filling its own memory.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

log = structlog.get_logger(__name__)

HEARTBEAT_S = 1.0
SILENCE_S = 3.5
"""Without any word from the broker for this long, the consumer is made anew."""
POLL_S = 0.5
"""How soon a reconnection is noticed; it ends the consumer, which lives in the broker's memory."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message: its place in the stream and the bus's timestamp, in microseconds since the Unix epoch."""

    subject: str
    data: bytes
    headers: Mapping[str, str]
    sequence: int
    time_us: int


class Reader:
    """Deliveries of `subjects` in `stream` behind sequence `after`; with `after=None` the last of each, then what follows.

    A stream that was not made at `stream_time`, where that is known, is another one: it is read from its beginning.
    """

    def __init__(
        self,
        nc: Client,
        stream: str,
        subjects: Sequence[str],
        *,
        after: int | None = 0,
        stream_time: datetime | None = None,
    ) -> None:
        self._nc = nc
        self._js = nc.jetstream()
        self._stream = stream
        self._subjects = list(subjects)
        self._after = after
        self._queue: asyncio.Queue[Msg] = asyncio.Queue()
        self._subscription: Subscription | None = None
        self._delivered = 0
        self._pending = 0
        self._reconnects = 0
        self.stream_time = stream_time
        self.caught_up = False
        """Everything that the broker had for us has been handed out, as far as we know."""

    async def read(self, limit: int = 1000) -> list[Delivery]:
        """What has arrived, at most `limit`; waits for the first. An empty list: the broker is there and has nothing for us."""
        deliveries: list[Delivery] = []
        while True:
            if self._subscription is None and not await self._open():
                await asyncio.sleep(0.25)
                continue
            if self._subscription is not None and self._pending == 0 and not self.caught_up:
                self.caught_up = True
                return deliveries
            message = await self._next_message()
            if message is None:
                log.warning("reader.fell_silent", stream=self._stream)
                await self._close()
                continue
            while True:
                if not await self._take(message, deliveries):
                    break
                if len(deliveries) >= limit or self._queue.empty():
                    break
                message = self._queue.get_nowait()
            if deliveries or self.caught_up:
                return deliveries

    async def _next_message(self) -> Msg | None:
        """The next message, or None when the broker has been silent for too long or is another one since."""
        for _ in range(round(SILENCE_S / POLL_S)):
            try:
                async with asyncio.timeout(POLL_S):
                    return await self._queue.get()
            except TimeoutError:
                if self._nc.stats["reconnects"] != self._reconnects:
                    return None
        return None

    async def _take(self, message: Msg, deliveries: list[Delivery]) -> bool:
        """Sort one message: payload, heartbeat or flow control. False when the consumer had to be dropped."""
        if not message.reply or not message.reply.startswith("$JS.ACK."):
            await self._obey(message)
            return self._subscription is not None
        # $JS.ACK[.domain.account].<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<nanoseconds>.<pending>[.token]
        tokens = message.reply.split(".")
        fields = tokens[4:9] if len(tokens) == 9 else tokens[6:11]
        _, sequence, delivered, nanoseconds, pending = map(int, fields)
        if delivered != self._delivered + 1:
            log.warning("reader.gap_found", stream=self._stream, expected=self._delivered + 1, got=delivered)
            await self._close()
            return False
        self._delivered = delivered
        self._after = sequence
        self._pending = pending
        self.caught_up = pending == 0
        deliveries.append(Delivery(message.subject, message.data, message.headers or {}, sequence, nanoseconds // 1000))
        return True

    async def _obey(self, message: Msg) -> None:
        headers = message.headers or {}
        if message.reply:  # flow control: everything before it has been taken
            await self._nc.publish(message.reply, b"")
        stalled = headers.get("Nats-Consumer-Stalled")
        if stalled:
            await self._nc.publish(stalled, b"")
        last = headers.get("Nats-Last-Consumer")
        if last is not None and int(last) > self._delivered:
            log.warning("reader.gap_found", stream=self._stream, expected=int(last), got=self._delivered)
            await self._close()
        elif last is not None and not stalled:  # a stalled consumer has more, which it holds back
            self.caught_up = True

    async def _open(self) -> bool:
        """Make a consumer that starts where the last one ended. False when the broker cannot do it now."""
        inbox = self._nc.new_inbox()
        queue: asyncio.Queue[Msg] = asyncio.Queue()

        async def enqueue(message: Msg) -> None:
            queue.put_nowait(message)

        config = ConsumerConfig(
            deliver_subject=inbox,
            ack_policy=AckPolicy.NONE,
            filter_subjects=self._subjects,
            flow_control=True,
            idle_heartbeat=HEARTBEAT_S,
            inactive_threshold=30.0,
            mem_storage=True,
            max_deliver=1,
            num_replicas=1,
        )
        subscription = None
        try:
            if self._after is None:
                config.deliver_policy = DeliverPolicy.LAST_PER_SUBJECT
            else:
                info = await self._js.stream_info(self._stream)
                last = info.state.last_seq
                if self._after > last or self.stream_time not in (None, info.created):
                    log.error("reader.stream_restarted", stream=self._stream, after=self._after, last=last)
                    self._after = 0
                self.stream_time = info.created
                config.deliver_policy = DeliverPolicy.BY_START_SEQUENCE
                config.opt_start_seq = self._after + 1
            subscription = await self._nc.subscribe(inbox, cb=enqueue, pending_msgs_limit=-1, pending_bytes_limit=-1)
            consumer = await self._js.add_consumer(self._stream, config)
        except (NatsError, TimeoutError) as error:
            if subscription is not None:
                await self._drop(subscription)
            log.warning("reader.open_failed", stream=self._stream, error=str(error) or type(error).__name__)
            return False
        self._subscription, self._queue, self._delivered = subscription, queue, 0
        self._reconnects = self._nc.stats["reconnects"]
        self._pending = (consumer.num_pending or 0) + (consumer.delivered.consumer_seq if consumer.delivered else 0)
        self.caught_up = False
        return True

    async def _close(self) -> None:
        subscription, self._subscription, self.caught_up = self._subscription, None, False
        if subscription is not None:
            await self._drop(subscription)

    @staticmethod
    async def _drop(subscription: Subscription) -> None:
        with suppress(NatsError):  # the connection is away; the broker forgets the consumer by itself
            await subscription.unsubscribe()

    async def close(self) -> None:
        """Stop reading; the broker removes the consumer after its inactivity threshold."""
        await self._close()
