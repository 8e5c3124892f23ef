"""Follows the agents' signs of life on the bus. Their expiry emits no event, so entries are aged by whoever reads them."""

from google.protobuf.message import DecodeError
from nats.aio.client import Client

from quivive.bus import Mirror
from quivive.bus.connect import PRESENCE_TTL
from quivive.domain.times import SECOND_US
from quivive.subjects import AGENT_KEYS, PRESENCE_BUCKET
from quivive.v1 import bus_pb2

_TTL_US = round(PRESENCE_TTL.total_seconds() * SECOND_US)


class Presences:
    """The agents that were heard of lately."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[bus_pb2.Presence, int]] = {}

    def heard(self, now_us: int) -> list[tuple[bus_pb2.Presence, int]]:
        """Each living agent's last word with the bus's time of it, by region and agent."""
        self._heard = {key: entry for key, entry in self._heard.items() if now_us - entry[1] < _TTL_US}
        return [entry for _, entry in sorted(self._heard.items())]

    async def follow(self, nc: Client) -> None:
        """Keep up with the bus until cancelled."""
        mirror = Mirror(nc, PRESENCE_BUCKET, [AGENT_KEYS])
        try:
            while True:
                for change in await mirror.changes():
                    if change.value is None:
                        self._heard.pop(change.key, None)
                        continue
                    try:
                        self._heard[change.key] = (bus_pb2.Presence.FromString(change.value), change.time_us)
                    except DecodeError:  # not an agent of ours
                        self._heard.pop(change.key, None)
        finally:
            await mirror.close()
