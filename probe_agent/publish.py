"""PUBLISH: results to the bus, each batch until it is acknowledged.

1. Results gather by shard; any but a good one takes its batch along at once.
2. A batch is numbered and packed once; agent and number are its message id, by which the bus drops what it already has.
3. Batches go out in order without waiting for each acknowledgement.
4. What is not acknowledged in time, or is under way when the connection is lost, goes out again, in order, for ever.
5. Beyond a bound the oldest are given up, counted and logged.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from probe_agent import metrics
from probe_agent.backlog import Backlog, Parcel
from probe_agent.batches import Batcher, Lot, encode
from probe_agent.clock import now_us
from probe_agent.results import Result
from quivive import subjects

log = structlog.get_logger(__name__)

WINDOW = 256
"""Batches under way at a time."""
ACKNOWLEDGED_WITHIN_S = 2.0
REFUSED_PAUSE_S = 0.25
"""After the bus could not take a batch: its stream may not be there yet."""
POLL_S = 0.25
"""How soon a lost or regained connection is noticed."""
MAX_BACKLOG_BYTES = 64 * 1024 * 1024


class Publisher:
    """Takes results from anywhere on the event loop; `run` carries them to the bus."""

    def __init__(
        self,
        nc: Client,
        *,
        region: str,
        agent: str,
        shards: int,
        clock_offset_us: Callable[[], int],
        max_backlog_bytes: int = MAX_BACKLOG_BYTES,
    ) -> None:
        self._nc = nc
        self._region = region
        self._agent = agent
        self._clock_offset_us = clock_offset_us
        self._batcher = Batcher(shards)
        self._backlog = Backlog(max_backlog_bytes)
        self._number = 0
        self._wake = asyncio.Event()
        self._answered = asyncio.Event()
        self._inbox = nc.new_inbox()
        self._reconnects = nc.stats["reconnects"]
        self._paused_until = 0.0

    @property
    def unpublished(self) -> int:
        """Results that the bus has not acknowledged."""
        return len(self._batcher) + self._backlog.results

    def put(self, result: Result) -> None:
        """Hand a result over. One that cannot be packed is dropped and logged."""
        was_empty = len(self._batcher) == 0
        try:
            is_urgent = self._batcher.add(result, now_us())
        except ValueError as error:
            metrics.DROPPED.inc()
            log.error("result.dropped", check=result.check, slot_us=result.slot_us, reason=str(error))
            return
        if is_urgent or was_empty:
            self._wake.set()

    async def run(self) -> None:
        """Publish for ever."""
        acknowledgements = await self._nc.subscribe(f"{self._inbox}.*", cb=self._acknowledged)
        try:
            while True:
                for lot in self._batcher.take(now_us()):
                    self._pack(lot)
                await self._send()
                metrics.UNPUBLISHED.set(self.unpublished)
                await self._rest()
        finally:
            with contextlib.suppress(NatsError):  # the connection may be away, and the subscription with it
                await acknowledgements.unsubscribe()

    async def flush(self, within_s: float) -> int:
        """Get everything acknowledged, `run` still running. Returns the number of results for which that failed."""
        for lot in self._batcher.take(now_us(), everything=True):
            self._pack(lot)
        self._wake.set()
        try:
            async with asyncio.timeout(within_s):
                while self._backlog:
                    self._answered.clear()
                    await self._answered.wait()
        except TimeoutError:
            log.error("results.left_unpublished", results=self.unpublished)
        return self.unpublished

    def _pack(self, lot: Lot) -> None:
        self._number += 1
        payload = encode(lot, self._region, self._agent, self._number, self._clock_offset_us())
        subject = subjects.results(lot.shard, self._region)
        dropped = self._backlog.add(Parcel(self._number, subject, payload, len(lot.results)))
        if dropped:
            metrics.DROPPED.inc(dropped)
            log.error("results.dropped", results=dropped, reason="too many are unpublished")

    async def _send(self) -> None:
        now = asyncio.get_running_loop().time()
        if not self._nc.is_connected or now < self._paused_until:
            return
        oldest = self._backlog.oldest_sent()
        reconnects = self._nc.stats["reconnects"]
        if reconnects != self._reconnects or (oldest is not None and now - oldest > ACKNOWLEDGED_WITHIN_S):
            self._reconnects = reconnects
            self._backlog.send_again()
        try:
            while (parcel := self._backlog.next_to_send(now, WINDOW)) is not None:
                await self._nc.publish(
                    parcel.subject,
                    parcel.payload,
                    reply=f"{self._inbox}.{parcel.number}",
                    headers={"Nats-Msg-Id": f"{self._agent}-{parcel.number}"},
                )
        except NatsError as error:  # the connection went away under our hands: all of it goes again
            log.warning("publish.interrupted", error=str(error) or type(error).__name__)

    async def _rest(self) -> None:
        """Until there is something to do."""
        due_us = self._batcher.next_us()
        wait_s = POLL_S if self._backlog else 1.0
        if due_us is not None:
            wait_s = min(wait_s, max((due_us - now_us()) / 1e6, 0.0))
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _acknowledged(self, message: Msg) -> None:
        """An answer from the bus: it has the batch, has had it before, or cannot take it now."""
        number = int(message.subject.rpartition(".")[2])
        problem = _problem(message)
        if problem is None:
            self._backlog.remove(number)
        else:
            log.warning("publish.refused", number=number, error=problem)
            self._backlog.send_again()
            self._paused_until = asyncio.get_running_loop().time() + REFUSED_PAUSE_S
        self._answered.set()
        self._wake.set()


def _problem(message: Msg) -> str | None:
    """Why the bus did not take a message, or None when it did."""
    status = (message.headers or {}).get("Status")
    if status is not None:
        return f"status {status}: nobody keeps this stream"
    try:
        answer = json.loads(message.data)
    except ValueError:
        return "an answer that cannot be read"
    error = answer.get("error")
    return None if error is None else str(error.get("description", error))
