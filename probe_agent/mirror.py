"""The checks of this agent's region, kept the same as the bus has them."""

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog
from nats.aio.client import Client

from probe_agent.checks import Check
from probe_agent.specs import BadSpec, parse
from quivive import subjects
from quivive.bus import Mirror
from quivive.domain.checks import SLICES, slice_of

log = structlog.get_logger(__name__)

LOT = 100
"""Changes that are taken over without a pause: a few milliseconds."""


class Planner(Protocol):
    """Who is told about checks that come, change and go."""

    def put(self, check: Check) -> None: ...

    def remove(self, check: int) -> None: ...


class CheckMirror:
    """What is desired of a region's slices that are ours, by check id."""

    def __init__(self, nc: Client, region: str, planner: Planner) -> None:
        self._nc = nc
        self._region = region
        self._planner = planner
        self._checks: dict[int, Check] = {}
        self._slices: frozenset[int] | None = None
        self._moved = asyncio.Event()
        self.caught_up = False
        """What the bus had for our slices when they became ours has been taken over."""

    def __len__(self) -> int:
        return len(self._checks)

    @property
    def slices(self) -> int:
        """How many slices are ours."""
        return len(self._slices or ())

    def get(self, check: int) -> Check | None:
        return self._checks.get(check)

    def is_current(self, check: Check) -> bool:
        """Whether this revision is still desired. What is only learned about a check, its baseline, comes without a new one."""
        desired = self._checks.get(check.id)
        return desired is not None and desired.revision == check.revision

    def watch(self, slices: frozenset[int]) -> None:
        """These slices are ours from now on, and no others: what is not is let go of at once."""
        if slices == self._slices:
            return
        for check in [check for check in self._checks if slice_of(check) not in slices]:
            self._forget(check)
        self._slices = slices
        self.caught_up = False
        self._moved.set()

    async def follow(self, on_change: Callable[[], None]) -> None:
        """Take over what there is, then every change, for ever; `on_change` is called after each lot."""
        while True:
            self._moved.clear()
            reading = asyncio.create_task(self._read(self._slices or frozenset(), on_change))
            moving = asyncio.create_task(self._moved.wait())
            try:
                await asyncio.wait({reading, moving}, return_when=asyncio.FIRST_COMPLETED)
                if reading.done() and not self._moved.is_set():
                    reading.result()
            finally:
                reading.cancel()
                moving.cancel()
                await asyncio.gather(reading, moving, return_exceptions=True)

    async def _read(self, slices: frozenset[int], on_change: Callable[[], None]) -> None:
        """Follow these slices until cancelled."""
        if not slices:
            self.caught_up = self._slices is not None
            on_change()
            await self._moved.wait()
            return
        keys = [">"] if len(slices) == SLICES else [f"{slice_}.*" for slice_ in sorted(slices)]
        mirror = Mirror(self._nc, subjects.CHECKS_BUCKET, keys)
        found: set[str] | None = set()
        try:
            while True:
                changes = await mirror.changes()
                for start in range(0, len(changes), LOT):
                    for change in changes[start : start + LOT]:
                        self._take(change.key, change.value)
                    await asyncio.sleep(0)  # slots come due meanwhile
                is_news = bool(changes)
                if found is not None:
                    found.update(change.key for change in changes)
                    if mirror.caught_up and slices == self._slices:
                        self._sweep(found)
                        found, self.caught_up, is_news = None, True, True
                if is_news:
                    on_change()
        finally:
            await mirror.close()

    def _sweep(self, found: set[str]) -> None:
        """What was deleted while nobody followed."""
        for check in [check for check in self._checks if subjects.check_key(slice_of(check), check) not in found]:
            self._forget(check)

    def _forget(self, check: int) -> None:
        if self._checks.pop(check, None) is not None:
            self._planner.remove(check)

    def _take(self, key: str, value: bytes | None) -> None:
        id_ = key.rpartition(".")[2]
        if not id_.isdecimal():
            log.warning("check.refused", key=key, reason="not a check's key")
            return
        if self._slices is None or slice_of(int(id_)) not in self._slices:
            return  # given away a moment ago
        try:
            check = None if value is None else parse(value)
            if check is not None and check.id != int(id_):
                raise BadSpec(f"the check is {check.id}")
        except BadSpec as error:
            # Whatever it was before, it is no longer: better not to look than to look at the wrong thing.
            log.warning("check.refused", key=key, reason=str(error))
            check = None
        if check is None or self._region not in check.regions:
            self._forget(int(id_))
        elif self._checks.get(check.id) != check:
            self._checks[check.id] = check
            self._planner.put(check)
