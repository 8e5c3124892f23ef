"""PUBLISH: results to the bus, each batch until it is acknowledged.

1. Results gather by shard; any but a good one takes its batch along at once.
2. What came is written to the spool before anything is sent; at most every few milliseconds, all of it in one transaction.
3. Agent and number are a batch's message id, by which the bus drops what it already has.
4. Live batches go out in order without waiting for each acknowledgement. What is not acknowledged in time, or is under way when
   the connection is lost, goes out again, in order.
5. What could not be sent for a while is set aside in the spool, and replayed from there (`replay.py`), behind what is live.
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
from probe_agent.batches import Batcher, Lot, Origin, Piece
from probe_agent.clock import now_us
from probe_agent.replay import Replay
from probe_agent.results import Result
from probe_agent.spool import LATEST, Spool, SpoolFailed
from quivive import subjects

log = structlog.get_logger(__name__)

WINDOW = 256
"""Batches under way at a time."""
ACKNOWLEDGED_WITHIN_S = 2.0
REFUSED_PAUSE_S = 0.25
"""After the bus could not take a batch: its stream may not be there yet."""
POLL_S = 0.25
"""How soon a lost or regained connection is noticed."""
WRITE_EVERY_S = 0.01
"""What a killed agent may lose of attempts that had just ended."""
LIVE_S = 30.0
"""For so long a batch is live; after that its results decide nothing any more, and later ones go first."""
MAX_LIVE_BYTES = 8 * 1024 * 1024
TIDY_S = 5.0


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
        spool: Spool,
        live_s: float = LIVE_S,
    ) -> None:
        self._nc = nc
        self._region = region
        self._agent = agent
        self._clock_offset_us = clock_offset_us
        self._spool = spool
        self._live_s = live_s
        self._batcher = Batcher(shards, Origin(region, agent), spool.next_number)
        self._unwritten = 0
        self._backlog = Backlog()
        self._replay = Replay()
        self._acknowledged: list[int] = []
        self._written = float("-inf")
        self._tidied = float("-inf")
        self._wake = asyncio.Event()
        self._answered = asyncio.Event()
        self._inbox = nc.new_inbox()
        self._reconnects = nc.stats["reconnects"]
        self._paused_until = 0.0
        self._window = WINDOW
        """One batch at a time while the broker is silent, instead of all of them again and again."""
        self.dropped = 0
        """Results given up since the start."""
        if spool.results:
            log.info("spool.found", results=spool.results, batches=spool.batches)

    @property
    def unpublished(self) -> int:
        """Results that the bus has not acknowledged."""
        return self._spool.results + self._unwritten

    def put(self, result: Result) -> None:
        """Hand a result over. One that cannot be packed is dropped and logged."""
        try:
            self._batcher.add(result, now_us())
        except ValueError as error:
            self._drop(1)
            log.error("result.dropped", check=result.check, slot_us=result.slot_us, reason=str(error))
            return
        self._unwritten += 1
        self._wake.set()

    async def run(self) -> None:
        """Publish for ever."""
        answers = await self._nc.subscribe(f"{self._inbox}.*", cb=self._take_answer)
        sending: asyncio.Task[None] | None = None
        try:
            while True:
                self._write()
                metrics.UNPUBLISHED.set(self.unpublished)
                # Beside, since a broker that takes nothing may hold up a sender, but never what has to be written down.
                if sending is None or sending.done():
                    if sending is not None:
                        sending.result()
                    sending = asyncio.create_task(self._send())
                await self._rest()
        finally:
            if sending is not None:
                sending.cancel()
            self._write()
            with contextlib.suppress(NatsError):  # the connection may be away, and the subscription with it
                await answers.unsubscribe()

    async def flush(self, within_s: float) -> int:
        """Get everything live acknowledged, `run` still running. Returns the number of results that stay in the spool."""
        self._write(everything=True)
        self._wake.set()
        try:
            async with asyncio.timeout(within_s):
                while self._backlog:
                    self._answered.clear()
                    await self._answered.wait()
        except TimeoutError:
            log.warning("results.left_unpublished", results=self.unpublished)
        self._write()
        return self.unpublished

    def _write(self, *, everything: bool = False) -> None:
        """Write down what came and what was acknowledged; pack what has to go."""
        now = self._written = asyncio.get_running_loop().time()
        pieces = self._batcher.pieces(self._clock_offset_us())
        acknowledged, self._acknowledged = self._acknowledged, []
        try:
            if pieces or acknowledged:
                self._spool.write(self._agent, pieces, acknowledged, now_us())
            if now - self._tidied > TIDY_S:
                self._tidied = now
                self._tidy()
            lots = self._batcher.take(now_us(), everything=everything)
        except SpoolFailed as error:
            lots = self._batcher.take(now_us(), everything=True)
            self._start_over(lots, str(error))
        self._unwritten = 0
        for lot in lots:
            subject = subjects.results(lot.shard, self._region)
            self._backlog.add(Parcel(lot.number, self._agent, subject, lot.payload, lot.results), now)

    def _start_over(self, lots: list[Lot], reason: str) -> None:
        """Go on in memory; what the failed spool holds is the next agent's to replay."""
        log.error("spool.failed", reason=reason, left_behind=self._spool.results)
        self._spool = self._spool.replacement()
        pieces = [Piece(lot.number, 0, lot.shard, lot.results, lot.payload) for lot in lots]
        self._spool.write(self._agent, pieces, (), now_us())

    def _tidy(self) -> None:
        given_up = self._spool.give_up(self._oldest_live(), now_us())
        if given_up:
            self._drop(given_up)
            log.error("results.dropped", results=given_up, reason="the spool is full, or they are too old")
        metrics.SPOOL_BYTES.set(self._spool.bytes)

    def _drop(self, results: int) -> None:
        self.dropped += results
        metrics.DROPPED.inc(results)

    def _oldest_live(self) -> int:
        """Every batch with a smaller number is set aside."""
        return min((*self._backlog.numbers, *self._batcher.numbers), default=LATEST)

    async def _send(self) -> None:
        now = asyncio.get_running_loop().time()
        self._backlog.set_aside(now - self._live_s, MAX_LIVE_BYTES)
        if not self._nc.is_connected or now < self._paused_until:
            return
        reconnects = self._nc.stats["reconnects"]
        is_new = reconnects != self._reconnects
        self._reconnects = reconnects
        for queue in (self._backlog, self._replay):
            oldest = queue.oldest_sent()
            is_lost = oldest is not None and now - oldest > ACKNOWLEDGED_WITHIN_S
            if is_lost:
                self._window = 1
            if is_new or is_lost:
                queue.send_again()
        try:
            while (parcel := self._backlog.next_to_send(now, self._window)) is not None:
                await self._publish(parcel)
            live = len(self._backlog) + len(self._batcher.numbers)
            is_behind = self._replay.is_busy or self._spool.batches > live
            if is_behind and (self._window == WINDOW or not self._backlog):
                for parcel in self._replay.due(self._spool, self._oldest_live(), now):
                    await self._publish(parcel)
        except SpoolFailed as error:
            log.error("replay.failed", reason=str(error))
        except NatsError as error:  # the connection went away under our hands: all of it goes again
            log.warning("publish.interrupted", error=str(error) or type(error).__name__)

    async def _publish(self, parcel: Parcel) -> None:
        await self._nc.publish(
            parcel.subject,
            parcel.payload,
            reply=f"{self._inbox}.{parcel.number}",
            headers={"Nats-Msg-Id": parcel.message_id},
        )

    async def _rest(self) -> None:
        """Until there is something to do, and never for less than it takes to gather some."""
        due_us = self._batcher.next_us()
        wait_s = POLL_S if self._spool.batches else 1.0
        if due_us is not None:
            wait_s = min(wait_s, max((due_us - now_us()) / 1e6, 0.0))
        if self._replay.is_busy:
            wait_s = min(wait_s, self._replay.pause_s(asyncio.get_running_loop().time()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        self._wake.clear()
        await asyncio.sleep(max(self._written + WRITE_EVERY_S - asyncio.get_running_loop().time(), 0.0))

    async def _take_answer(self, message: Msg) -> None:
        """An answer from the bus: it has the batch, has had it before, or cannot take it now."""
        number = int(message.subject.rpartition(".")[2])
        problem = _problem(message)
        if problem is None:
            self._window = WINDOW
            self._backlog.remove(number)
            self._replay.remove(number)
            self._acknowledged.append(number)
        else:
            log.warning("publish.refused", number=number, error=problem)
            self._backlog.send_again()
            self._replay.send_again()
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
