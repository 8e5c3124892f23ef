"""The parts of an agent put together, started and stopped.

bus → share → mirror → SCHEDULE → attempts (CHECK) → PUBLISH → spool → bus
                       confirm ───↗      ↖─── self-check
"""

import asyncio
from uuid import uuid4

import structlog
from google.protobuf.timestamp_pb2 import Timestamp
from nats.aio.client import Client

from probe_agent import metrics
from probe_agent.alarm import Alarm
from probe_agent.attempts import Attempts
from probe_agent.checkers import Checkers
from probe_agent.clock import BusClock, now_us
from probe_agent.confirm import Confirmations
from probe_agent.connect import Surroundings
from probe_agent.mirror import CheckMirror
from probe_agent.overload import Overload
from probe_agent.presence import Presences
from probe_agent.publish import Publisher
from probe_agent.references import References, parse_reference
from probe_agent.schedule import Schedule
from probe_agent.selfcheck import SelfCheck
from probe_agent.settings import AgentSettings
from probe_agent.share import Neighbours, Share
from probe_agent.spool import Spool
from quivive import __version__
from quivive.v1.bus_pb2 import Presence

log = structlog.get_logger(__name__)

REST_S = 0.25
"""The schedule is asked at least this often,"""
GATHER_S = 0.005
"""and at most this often: slots that begin together share the event loop's rounds."""
HAND_OVER_S = 1.0
"""For so long a leaving agent goes on, while the others load its checks."""
FINISH_WITHIN_S = 1.2
FLUSH_WITHIN_S = 1.0


class Agent:
    """One agent on a connected bus."""

    def __init__(self, settings: AgentSettings, nc: Client, surroundings: Surroundings, spool: Spool) -> None:
        self.id = str(uuid4())
        self._nc = nc
        self._settings = settings
        self._started_us = now_us()
        self._serves = self._leaves = False
        self._clock = BusClock()
        self._schedule = Schedule(settings.region, self._started_us, begun=False)
        self._mirror = CheckMirror(nc, settings.region, self._schedule)
        self._neighbours = Neighbours(self.id)
        self._share = Share(nc, settings.region, self._neighbours)
        self._publisher = Publisher(
            nc,
            region=settings.region,
            agent=self.id,
            shards=settings.shards,
            clock_offset_us=lambda: self._clock.offset_us,
            spool=spool,
        )
        references = [parse_reference(text) for text in settings.references]
        self._self_check = SelfCheck(References(references, nc, surroundings.resolver, surroundings.tls))
        self._overload = Overload()
        checker = Checkers(surroundings, user_agent(settings), settings.resolvers)
        self._attempts = Attempts(
            checker, self._publisher.put, self._mirror.is_current, settings.concurrency, self._self_check
        )
        self._confirmations = Confirmations(settings.region, self._mirror.get, self._attempts, self._clock)
        self._presences = Presences(nc, settings.region, self.id, self._describe, self._clock)
        self._alarm = Alarm(
            nc,
            region=settings.region,
            agent=self.id,
            after_s=settings.alarm_after,
            url=settings.alarm_url,
            secret=settings.alarm_secret.get_secret_value() if settings.alarm_secret else "",
            is_first=self._neighbours.is_first,
        )

    def not_ready(self) -> str | None:
        """Why this agent cannot do its work at present, or None."""
        if not self._nc.is_connected:
            return "not connected to the broker"
        if not self._serves:
            return "the checks have not been read yet"
        if not self._clock.is_set:
            return "the clock has not been compared with the bus's yet"
        return None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then hand over, finish what has begun, flush and leave. Raises what any part dies of."""
        log.info("agent.started", region=self._settings.region, agent=self.id, simulated=self._settings.simulated)
        async with asyncio.TaskGroup() as parts:
            publishing = parts.create_task(self._publisher.run())
            watching = [
                parts.create_task(part)
                for part in (
                    self._presences.run(),
                    self._keep_share(),
                    self._mirror.follow(self._take_checks),
                    self._keep_schedule(),
                    self._self_check.run(self._see_differently),
                    self._overload.run(),
                    self._alarm.run(),
                )
            ]
            await self._confirmations.listen(self._nc)
            await stop.wait()
            await self._hand_over()
            for part in watching:
                part.cancel()
            await self._confirmations.close()
            await self._attempts.finish(FINISH_WITHIN_S)
            unpublished = await self._publisher.flush(FLUSH_WITHIN_S)
            publishing.cancel()
            await self._presences.leave()
        log.info("agent.stopped", agent=self.id, unpublished_results=unpublished)

    async def _keep_schedule(self) -> None:
        while True:
            for slot in self._schedule.due(now_us()):
                self._attempts.start_slot(slot)
            next_us = self._schedule.next_us()
            left_s = REST_S if next_us is None else (next_us - now_us()) / 1e6
            await asyncio.sleep(min(max(left_s, GATHER_S), REST_S))

    async def _keep_share(self) -> None:
        try:
            while True:
                await self._share.next()
                self._divide()
        finally:
            await self._share.close()

    def _divide(self) -> None:
        """Take what is ours among the agents that are there now."""
        if self._share.caught_up:
            self._mirror.watch(self._neighbours.slices(sees=self._self_check.reason is None))
            metrics.SLICES.set(self._mirror.slices)

    def _take_checks(self) -> None:
        metrics.CHECKS.set(len(self._mirror))
        if self._mirror.caught_up and not self._serves and not self._leaves:
            self._schedule.begin()
            self._serves = True
            self._presences.wake()

    def _see_differently(self) -> None:
        self._divide()
        self._presences.wake()

    async def _hand_over(self) -> None:
        """Say that we leave, and go on until the others have taken over."""
        self._leaves = True
        if self._serves and self._neighbours.serving() and self._nc.is_connected:
            self._serves = False
            self._presences.wake()
            await asyncio.sleep(HAND_OVER_S)

    def _describe(self) -> Presence:
        lateness_us = self._attempts.lateness.p99_us(now_us())
        overload = self._overload.reason(lateness_us)
        presence = Presence(
            region=self._settings.region,
            agent=self.id,
            version=__version__,
            start_time=Timestamp(),
            checks=len(self._mirror),
            clock_offset_us=self._clock.offset_us,
            unpublished_results=self._publisher.unpublished,
            simulated=self._settings.simulated,
            self_check_failing=self._self_check.reason is not None,
            self_check_reason=self._self_check.reason or "",
            overloaded=overload is not None,
            overload_reason=overload or "",
            serving=self._serves,
            slices=self._mirror.slices,
            dropped_results=self._publisher.dropped,
        )
        presence.start_time.FromMicroseconds(self._started_us)
        presence.lateness.FromMicroseconds(lateness_us)
        return presence


def user_agent(settings: AgentSettings) -> str:
    """Quivive/0.1.0 (eu-west; +https://status.example/about)"""
    contact = f"; +{settings.contact_url}" if settings.contact_url else ""
    return f"Quivive/{__version__} ({settings.region}{contact})"
