"""The agent's sign of life, and with it the measure of its clock."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from probe_agent.clock import BusClock, Sample, now_us
from quivive import subjects
from quivive.domain.times import to_us
from quivive.v1.bus_pb2 import Presence

log = structlog.get_logger(__name__)

EVERY_S = 5.0
RETRY_S = 0.5
"""Until the first sign of life is on the bus."""
FAREWELL_S = 0.5


class Presences:
    """Keeps this agent's entry in the presence bucket alive; `describe` says what it holds now."""

    def __init__(self, nc: Client, region: str, agent: str, describe: Callable[[], Presence], clock: BusClock) -> None:
        self._js = nc.jetstream(timeout=EVERY_S / 2)
        self._stream = f"KV_{subjects.PRESENCE_BUCKET}"
        self._subject = f"$KV.{subjects.PRESENCE_BUCKET}.{subjects.presence_key(region, agent)}"
        self._describe = describe
        self._clock = clock
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something has changed that others should know now."""
        self._wake.set()

    async def run(self) -> None:
        """Write the entry now, then every 5 s and whenever woken, for ever."""
        while True:
            self._wake.clear()
            try:
                await self._write()
            except (NatsError, TimeoutError) as error:
                log.warning("presence.failed", error=str(error) or type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S if self._clock.is_set else RETRY_S):
                    await self._wake.wait()

    async def leave(self) -> None:
        """Take the entry away, so that others need not wait for it to expire."""
        try:
            await self._js.publish(self._subject, b"", timeout=FAREWELL_S, headers={"KV-Operation": "DEL"})
        except (NatsError, TimeoutError) as error:
            log.warning("presence.failed", error=str(error) or type(error).__name__)

    async def _write(self) -> None:
        """Write the entry and compare the bus's timestamp on it with our clock."""
        presence = self._describe()
        sent_us = now_us()
        presence.time.FromMicroseconds(sent_us)
        acknowledgement = await self._js.publish(self._subject, presence.SerializeToString())
        acknowledged_us = now_us()
        stored = await self._js.get_msg(self._stream, seq=acknowledgement.seq)
        if stored.time is not None:
            self._clock.take(Sample(sent_us, acknowledged_us, to_us(stored.time)))
