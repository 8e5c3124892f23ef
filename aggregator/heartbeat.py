"""The aggregator's sign of life for the agents: when it is missing for long, they raise the operator's alarm themselves."""

import asyncio
import os
import socket
import time
from collections.abc import Callable

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from quivive import __version__, subjects
from quivive.v1.bus_pb2 import Presence

log = structlog.get_logger(__name__)

EVERY_S = 5.0


class Heartbeat:
    """Writes the entry for as long as results are committed; with several aggregators whoever is well speaks for all."""

    def __init__(self, nc: Client, works: Callable[[], bool]) -> None:
        self._js = nc.jetstream(timeout=EVERY_S / 2)
        self._subject = f"$KV.{subjects.PRESENCE_BUCKET}.{subjects.AGGREGATOR_KEY}"
        self._works = works
        self._presence = Presence(agent=f"{socket.gethostname()}/{os.getpid()}", version=__version__)
        self._presence.start_time.FromNanoseconds(time.time_ns())

    async def run(self) -> None:
        """Write now and then every 5 s, for ever."""
        while True:
            if self._works():
                self._presence.time.FromNanoseconds(time.time_ns())
                try:
                    await self._js.publish(self._subject, self._presence.SerializeToString())
                except (NatsError, TimeoutError) as error:
                    log.warning("heartbeat.failed", error=str(error) or type(error).__name__)
            await asyncio.sleep(EVERY_S)
