"""The parts of an agent put together, started and stopped.

bus → mirror → SCHEDULE → attempts (CHECK) → PUBLISH → bus
               confirm ───↗
"""

import asyncio
from uuid import uuid4

import structlog
from google.protobuf.timestamp_pb2 import Timestamp
from nats.aio.client import Client

from probe_agent import metrics
from probe_agent.attempts import Attempts
from probe_agent.checkers import Checkers
from probe_agent.clock import BusClock, now_us
from probe_agent.confirm import Confirmations
from probe_agent.connect import Surroundings
from probe_agent.mirror import CheckMirror
from probe_agent.presence import Presences
from probe_agent.publish import Publisher
from probe_agent.schedule import Schedule
from probe_agent.settings import AgentSettings
from quivive import __version__
from quivive.v1.bus_pb2 import Presence

log = structlog.get_logger(__name__)

REST_S = 0.25
"""The schedule is asked at least this often."""
FINISH_WITHIN_S = 1.5
FLUSH_WITHIN_S = 1.5


class Agent:
    """One agent on a connected bus."""

    def __init__(self, settings: AgentSettings, nc: Client, surroundings: Surroundings) -> None:
        self.id = str(uuid4())
        self._nc = nc
        self._settings = settings
        self._started_us = now_us()
        self._clock = BusClock()
        self._schedule = Schedule(settings.region, self._started_us)
        self._mirror = CheckMirror(nc, settings.region, self._schedule)
        self._publisher = Publisher(
            nc,
            region=settings.region,
            agent=self.id,
            shards=settings.shards,
            clock_offset_us=lambda: self._clock.offset_us,
        )
        checker = Checkers(surroundings, user_agent(settings), settings.resolvers)
        self._attempts = Attempts(checker, self._publisher.put, self._mirror.is_current, settings.concurrency)
        self._confirmations = Confirmations(settings.region, self._mirror.get, self._attempts, self._clock)
        self._presences = Presences(nc, settings.region, self.id, self._describe, self._clock)

    def not_ready(self) -> str | None:
        """Why this agent cannot do its work at present, or None."""
        if not self._nc.is_connected:
            return "not connected to the broker"
        if not self._mirror.caught_up:
            return "the checks have not been read yet"
        if not self._clock.is_set:
            return "the clock has not been compared with the bus's yet"
        return None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what has begun, flush and leave. Raises what any part dies of."""
        log.info("agent.started", region=self._settings.region, agent=self.id, simulated=self._settings.simulated)
        async with asyncio.TaskGroup() as parts:
            publishing = parts.create_task(self._publisher.run())
            watching = [
                parts.create_task(self._presences.run()),
                parts.create_task(self._mirror.follow(lambda: metrics.CHECKS.set(len(self._mirror)))),
                parts.create_task(self._keep_schedule()),
            ]
            await self._confirmations.listen(self._nc)
            await stop.wait()
            for part in watching:
                part.cancel()
            await self._confirmations.close()
            await self._attempts.finish(FINISH_WITHIN_S)
            unpublished = await self._publisher.flush(FLUSH_WITHIN_S)
            publishing.cancel()
            await self._presences.leave()
            await self._mirror.close()
        log.info("agent.stopped", agent=self.id, unpublished_results=unpublished)

    async def _keep_schedule(self) -> None:
        while True:
            for slot in self._schedule.due(now_us()):
                self._attempts.start_slot(slot)
            next_us = self._schedule.next_us()
            left_s = REST_S if next_us is None else (next_us - now_us()) / 1e6
            await asyncio.sleep(min(max(left_s, 0.0), REST_S))

    def _describe(self) -> Presence:
        presence = Presence(
            region=self._settings.region,
            agent=self.id,
            version=__version__,
            start_time=Timestamp(),
            checks=len(self._mirror),
            clock_offset_us=self._clock.offset_us,
            unpublished_results=self._publisher.unpublished,
            simulated=self._settings.simulated,
        )
        presence.start_time.FromMicroseconds(self._started_us)
        presence.lateness.FromMicroseconds(self._attempts.lateness.p99_us(now_us()))
        return presence


def user_agent(settings: AgentSettings) -> str:
    """Quivive/0.1.0 (eu-west; +https://status.example/about)"""
    contact = f"; +{settings.contact_url}" if settings.contact_url else ""
    return f"Quivive/{__version__} ({settings.region}{contact})"
