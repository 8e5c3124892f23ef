"""Which regions can see: presence on the bus, aged by ourselves, since its expiry emits no event.

Silence is counted on a clock that runs only while the broker speaks to us: one that is away must not look like blind regions.
"""

import time
from collections.abc import Iterable, Mapping

import structlog
from google.protobuf.message import DecodeError
from nats.aio.client import Client

from quivive import subjects
from quivive.bus import Mirror
from quivive.domain.times import SECOND_US
from quivive.v1 import bus_pb2

log = structlog.get_logger(__name__)

SILENCE_S = 15.0
CLOCK_OFF_US = 5 * SECOND_US
LONGEST_PAUSE_S = 2.0
"""Of the broker's, who says something every second; a longer one is not held against the regions."""


class Lookout:
    """Who was heard when. Times are seconds on the clock that `listen` moves."""

    def __init__(self) -> None:
        self._now = 0.0
        self._declared: dict[str, float] = {}
        self._heard: dict[str, float] = {}
        self._clocks: dict[str, dict[str, tuple[float, int]]] = {}
        self._failing: dict[str, tuple[float, str]] = {}
        self._doubts: dict[str, str] = {}

    def listen(self, seconds: float) -> None:
        """The broker was with us for so long."""
        self._now += seconds

    def declare(self, regions: Iterable[str]) -> None:
        """These regions and no others count; a new one has as long as any to be heard."""
        self._declared = {region: self._declared.get(region, self._now) for region in regions}

    def hear(
        self, region: str, agent: str, clock_offset_us: int, age_s: float = 0.0, failing: str | None = None
    ) -> None:
        """A sign of life, `age_s` old; `failing` is why the agent's own check of its sight fails."""
        at = self._now - age_s
        self._clocks.setdefault(region, {})[agent] = (at, clock_offset_us)
        if failing is not None:
            self._failing[region] = at, failing
        elif abs(clock_offset_us) <= CLOCK_OFF_US:
            self._heard[region] = max(at, self._heard.get(region, at))

    def forget(self, region: str, agent: str) -> None:
        """The agent said that it leaves. Without another one the region's silence began with its last word."""
        self._clocks.get(region, {}).pop(agent, None)

    def doubt(self, reasons: Mapping[str, str]) -> None:
        """These regions see what no other does: see `aggregator.decide.compare`."""
        self._doubts = dict(reasons)

    @property
    def doubted(self) -> frozenset[str]:
        return frozenset(self._doubts)

    def blindness(self) -> dict[str, str | None]:
        """Per declared region why it is blind, or None when it sees. One that nothing is known of yet is left out."""
        verdicts: dict[str, str | None] = {}
        for region, since in self._declared.items():
            heard = self._heard.get(region)
            if region in self._doubts:
                verdicts[region] = self._doubts[region]
            elif heard is not None and self._now - heard < SILENCE_S:
                verdicts[region] = None
            elif self._now - max(since, since if heard is None else heard) >= SILENCE_S:
                verdicts[region] = self._reason(region)
        return verdicts

    def _reason(self, region: str) -> str:
        failed_at, failing = self._failing.get(region, (-SILENCE_S, ""))
        if self._now - failed_at < SILENCE_S:
            return f"its agents cannot see: {failing}"
        offsets = [off for at, off in self._clocks.get(region, {}).values() if self._now - at < SILENCE_S]
        if offsets:
            return f"clock off by {min(offsets, key=abs) / SECOND_US:+.1f} s"
        return f"no agent heard for {SILENCE_S:.0f} s"


class Presence:
    """Feeds a Lookout from the presence bucket."""

    def __init__(self, nc: Client, lookout: Lookout) -> None:
        self._mirror = Mirror(nc, subjects.PRESENCE_BUCKET, [subjects.AGENT_KEYS])
        self._lookout = lookout

    async def follow(self) -> None:
        """For as long as the task lives."""
        try:
            last = time.monotonic()
            while True:
                fresh = self._mirror.caught_up
                changes = await self._mirror.changes()
                now = time.monotonic()
                self._lookout.listen(min(now - last, LONGEST_PAUSE_S))
                last = now
                for change in changes:
                    # What lay in the bucket before we came may be the last word of an agent that is gone.
                    age_s = 0.0 if fresh else max(0.0, time.time() - change.time_us / SECOND_US)
                    self._take(change.key, change.value, age_s)
        finally:
            await self._mirror.close()

    def _take(self, key: str, value: bytes | None, age_s: float) -> None:
        region, _, agent = key.partition(".")
        if value is None:
            self._lookout.forget(region, agent)
            return
        try:
            presence = bus_pb2.Presence.FromString(value)
        except DecodeError:
            log.warning("presence.refused", key=key)
            return
        failing = presence.self_check_reason if presence.self_check_failing else None
        self._lookout.hear(region, agent, presence.clock_offset_us, age_s, failing)


def differences(blindness: Mapping[str, str | None], blind: frozenset[str]) -> tuple[dict[str, str], frozenset[str]]:
    """What the verdicts change about the regions that are blind now: the newly blind with reasons, and those that see again."""
    newly = {region: reason for region, reason in blindness.items() if reason is not None and region not in blind}
    sighted = frozenset(region for region in blind if region in blindness and blindness[region] is None)
    return newly, sighted
