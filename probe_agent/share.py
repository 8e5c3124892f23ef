"""Which of the region's checks are ours: slices by rendezvous over the region's living agents.

1. An agent that comes loads its share first, looks at it, and only then says that it serves: the others let go of it then.
2. One that leaves says so, and goes on for a moment while the others take over.
3. One that dies is not heard any more: within two presence periods its slices are others'.
4. One whose self-check fails leaves its slices to the others while there are any.
For a moment two agents may look at the same slot: one of the two results is dropped as the same.
"""

import time
from dataclasses import dataclass

import structlog
from google.protobuf.message import DecodeError
from nats.aio.client import Client

from quivive import subjects
from quivive.bus import Change, Mirror
from quivive.domain.slices import slices_of
from quivive.domain.times import SECOND_US
from quivive.v1.bus_pb2 import Presence

log = structlog.get_logger(__name__)

SILENCE_S = 9.0
"""Who has not been heard for so long is gone: less than two presence periods, more than one."""
LONGEST_PAUSE_S = 2.0
"""Of the broker's, who says something every second; a longer one is not held against the others."""


@dataclass(frozen=True, slots=True)
class _Heard:
    at: float
    serves: bool
    sees: bool


class Neighbours:
    """The other agents of the region. Times are seconds on a clock that runs only while the broker is with us."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._now = 0.0
        self._heard: dict[str, _Heard] = {}

    def listen(self, seconds: float) -> None:
        """The broker was with us for so long."""
        self._now += seconds

    def hear(self, agent: str, *, serves: bool, sees: bool, age_s: float = 0.0) -> None:
        """A sign of life, `age_s` old."""
        if agent != self._agent:
            self._heard[agent] = _Heard(self._now - age_s, serves, sees)

    def forget(self, agent: str) -> None:
        """It took its leave."""
        self._heard.pop(agent, None)

    def serving(self) -> frozenset[str]:
        """Those who live and look after their slices."""
        self._heard = {name: heard for name, heard in self._heard.items() if self._now - heard.at < SILENCE_S}
        return frozenset(name for name, heard in self._heard.items() if heard.serves)

    def is_first(self) -> bool:
        """Whether our name comes before those of all who serve."""
        return all(self._agent < name for name in self.serving())

    def slices(self, *, sees: bool) -> frozenset[int]:
        """Our own, given whether our own self-check is good."""
        serving = self.serving()
        seeing = {name for name in serving if self._heard[name].sees}
        if not sees and seeing:
            return frozenset()
        return slices_of(self._agent, seeing or (set() if sees else serving))


class Share:
    """Follows the region's presences on the bus."""

    def __init__(self, nc: Client, region: str, neighbours: Neighbours) -> None:
        self._mirror = Mirror(nc, subjects.PRESENCE_BUCKET, [subjects.presence_key(region, "*")])
        self._neighbours = neighbours
        self._last = time.monotonic()
        self.caught_up = False
        """Everyone who was there when we came has been heard of."""

    async def next(self) -> None:
        """Take in what the others say; returns at least about once a second while the broker is there."""
        changes = await self._mirror.changes()
        now = time.monotonic()
        self._neighbours.listen(min(now - self._last, LONGEST_PAUSE_S))
        self._last = now
        for change in changes:
            self._take(change)
        self.caught_up = self.caught_up or self._mirror.caught_up

    async def close(self) -> None:
        await self._mirror.close()

    def _take(self, change: Change) -> None:
        agent = change.key.rpartition(".")[2]
        if change.value is None:
            self._neighbours.forget(agent)
            return
        try:
            presence = Presence.FromString(change.value)
        except DecodeError:
            log.warning("presence.refused", key=change.key)
            return
        # What lay in the bucket before we came may be the last word of an agent that is gone.
        age_s = 0.0 if self.caught_up else max(0.0, time.time() - change.time_us / SECOND_US)
        self._neighbours.hear(agent, serves=presence.serving, sees=not presence.self_check_failing, age_s=age_s)
