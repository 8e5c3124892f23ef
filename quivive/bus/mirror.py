"""Follows a key-value bucket: its present content first, then every change."""

from collections.abc import Sequence
from dataclasses import dataclass

from nats.aio.client import Client

from quivive.bus.reader import Reader


@dataclass(frozen=True, slots=True)
class Change:
    """A key and its new value; None when it was deleted. `time_us` is the bus's timestamp of the change, `revision` its number."""

    key: str
    value: bytes | None
    time_us: int
    revision: int


class Mirror:
    """Changes of the keys that match `keys` (NATS wildcards) in `bucket`."""

    def __init__(self, nc: Client, bucket: str, keys: Sequence[str] = (">",)) -> None:
        self._prefix = f"$KV.{bucket}."
        self._reader = Reader(nc, f"KV_{bucket}", [self._prefix + key for key in keys], after=None)

    @property
    def caught_up(self) -> bool:
        """The present content has been handed out in full."""
        return self._reader.caught_up

    async def changes(self) -> list[Change]:
        """What changed; waits for it, but returns an empty list about once a second when nothing did."""
        return [
            Change(
                key=delivery.subject.removeprefix(self._prefix),
                value=None if delivery.headers.get("KV-Operation") in ("DEL", "PURGE") else delivery.data,
                time_us=delivery.time_us,
                revision=delivery.sequence,
            )
            for delivery in await self._reader.read()
        ]

    async def close(self) -> None:
        await self._reader.close()
