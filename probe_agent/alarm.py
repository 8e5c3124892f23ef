"""The alarm of last resort: an agent that has not heard the aggregator for three minutes tells the operator itself.

Nobody else would: without the aggregator nothing is decided and nothing is sent. One message when it is lost, one when it is
heard again; each is sent until somebody has taken it. Of a region's agents the first by name sends it. Without the broker none
knows who else lives, and each does: one message too many is better than none.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import structlog
from nats.aio.client import Client

from probe_agent import metrics
from probe_agent.clock import now_us
from quivive import __version__, subjects
from quivive.bus import Mirror
from quivive.domain.times import SECOND_US, format_us
from quivive.signing import signature

log = structlog.get_logger(__name__)

TIMEOUT_S = 10.0
RETRY_S = (5.0, 15.0, 60.0)
"""Then always the last."""


@dataclass(frozen=True, slots=True)
class Message:
    """What to tell: the aggregator is lost since then, or heard again."""

    since_us: int
    is_resolved: bool


class Silence:
    """How long the aggregator has not been heard. Seconds on any clock that only goes forward."""

    def __init__(self, limit_s: float, now: float) -> None:
        self._limit_s = limit_s
        self._heard_at = now
        self._lost_us: int | None = None

    def hear(self, now: float) -> None:
        self._heard_at = now

    def seconds(self, now: float) -> float:
        return now - self._heard_at

    def judge(self, now: float, now_us: int) -> Message | None:
        """What is to be told now, once for each change."""
        silent_s = self.seconds(now)
        if self._lost_us is None and silent_s >= self._limit_s:
            self._lost_us = now_us - round(silent_s * SECOND_US)
            return Message(self._lost_us, is_resolved=False)
        if self._lost_us is not None and silent_s < self._limit_s:
            since_us, self._lost_us = self._lost_us, None
            return Message(since_us, is_resolved=True)
        return None


class Turn:
    """Which messages are ours to send, and which another agent's of the region, for as long as it lives."""

    def __init__(self) -> None:
        self._theirs: Message | None = None

    def due(self, message: Message | None, *, is_ours: bool) -> Message | None:
        """What to send now. `message`: what has just been found; `is_ours`: no other agent that lives comes before us."""
        if message is not None and message.is_resolved:
            theirs, self._theirs = self._theirs, None
            return message if theirs is None else None  # who told of the loss tells of its end
        loss = message or self._theirs
        self._theirs = None if is_ours else loss
        return loss if is_ours else None


class Alarm:
    """Follows the aggregator's sign of life; with a `url` it posts signed JSON there."""

    def __init__(
        self,
        nc: Client,
        *,
        region: str,
        agent: str,
        after_s: float,
        url: str,
        secret: str,
        is_first: Callable[[], bool],
    ) -> None:
        self._mirror = Mirror(nc, subjects.PRESENCE_BUCKET, [subjects.AGGREGATOR_KEY])
        self._nc = nc
        self._region = region
        self._agent = agent
        self._after_s = after_s
        self._url = url
        self._secret = secret.encode()
        self._is_first = is_first
        self._silence = Silence(after_s, time.monotonic())
        self._turn = Turn()

    async def run(self) -> None:
        """Listen and judge for ever."""
        listening = asyncio.create_task(self._listen())
        try:
            while True:
                now = time.monotonic()
                metrics.AGGREGATOR_SILENCE.set(self._silence.seconds(now))
                message = self._silence.judge(now, now_us())
                if message is not None:
                    self._log(message)
                is_ours = not self._nc.is_connected or self._is_first()
                if (due := self._turn.due(message, is_ours=is_ours)) is not None and self._url:
                    await self._tell(due)
                if listening.done():
                    listening.result()
                await asyncio.sleep(min(1.0, self._after_s / 4))
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await self._mirror.close()

    async def _listen(self) -> None:
        while True:
            known = self._mirror.caught_up
            for change in await self._mirror.changes():
                # What lay in the bucket before we came may be old.
                if change.value is not None and (known or now_us() - change.time_us < self._after_s * SECOND_US):
                    self._silence.hear(time.monotonic())

    def _log(self, message: Message) -> None:
        if message.is_resolved:
            log.info("aggregator.heard_again", since=format_us(message.since_us))
        else:
            log.error("aggregator.lost", since=format_us(message.since_us), broker_connected=self._nc.is_connected)

    async def _tell(self, message: Message) -> None:
        """Post it until it is taken."""
        body = json.dumps(self._document(message), ensure_ascii=False).encode()
        key = f"aggregator-lost/{self._region}/{self._agent}/{message.since_us}/{message.is_resolved}"
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
            tries = 0
            while not await self._post(client, body, key):
                await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])
                tries += 1

    def _document(self, message: Message) -> dict[str, Any]:
        return {
            "kind": "aggregator.heard_again" if message.is_resolved else "aggregator.lost",
            "region": self._region,
            "agent": self._agent,
            "since": format_us(message.since_us),
            "broker_connected": self._nc.is_connected,
        }

    async def _post(self, client: httpx.AsyncClient, body: bytes, key: str) -> bool:
        """Whether there is nothing more to do: it was taken, or refused for good."""
        timestamp = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"Quivive/{__version__}",
            "X-Quivive-Timestamp": str(timestamp),
            "Idempotency-Key": key,
        }
        if self._secret:
            headers["X-Quivive-Signature"] = signature(self._secret, timestamp, body)
        try:
            response = await client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            log.warning("alarm.failed", reason=str(error) or type(error).__name__)
            metrics.ALARMS.labels("failed").inc()
            return False
        if response.is_success:
            log.info("alarm.sent")
            metrics.ALARMS.labels("sent").inc()
            return True
        log.error("alarm.refused", status=response.status_code)
        metrics.ALARMS.labels("refused").inc()
        return 400 <= response.status_code < 500 and response.status_code not in (408, 425, 429)
