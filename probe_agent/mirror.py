"""The checks of this agent's region, kept the same as the bus has them."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

import httpx
import structlog
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from nats.aio.client import Client

from probe_agent.checks import Check, HttpTarget
from quivive import subjects
from quivive.bus import Mirror
from quivive.domain.checks import SLICES
from quivive.v1.bus_pb2 import CheckSpec

log = structlog.get_logger(__name__)

EVERY_SLICE = range(SLICES)
MAX_ATTEMPTS = 10
"""Numbers 0 to 9 are the scheduled attempts'."""


class BadSpec(Exception):
    """A CheckSpec that this agent cannot make anything of."""


class Planner(Protocol):
    """Who is told about checks that come, change and go."""

    def put(self, check: Check) -> None: ...

    def remove(self, check: int) -> None: ...


class CheckMirror:
    """What is desired of a region, by check id."""

    def __init__(self, nc: Client, region: str, planner: Planner, slices: Sequence[int] = EVERY_SLICE) -> None:
        keys = [">"] if len(slices) == SLICES else [f"{slice_}.*" for slice_ in slices]
        self._mirror = Mirror(nc, subjects.CHECKS_BUCKET, keys)
        self._region = region
        self._planner = planner
        self._checks: dict[int, Check] = {}
        self.caught_up = False
        """What the bus had when we came has been taken over."""

    def __len__(self) -> int:
        return len(self._checks)

    def get(self, check: int) -> Check | None:
        return self._checks.get(check)

    def is_current(self, check: Check) -> bool:
        """Whether exactly this revision is still desired."""
        return self._checks.get(check.id) == check

    async def follow(self, on_change: Callable[[], None]) -> None:
        """Take over what there is, then every change, for ever; `on_change` is called after each lot."""
        while True:
            changes = await self._mirror.changes()
            for change in changes:
                self._take(change.key, change.value)
            self.caught_up = self.caught_up or self._mirror.caught_up
            if changes:
                on_change()

    async def close(self) -> None:
        await self._mirror.close()

    def _take(self, key: str, value: bytes | None) -> None:
        id_ = key.rpartition(".")[2]
        if not id_.isdecimal():
            log.warning("check.refused", key=key, reason="not a check's key")
            return
        try:
            check = None if value is None else parse(value)
            if check is not None and check.id != int(id_):
                raise BadSpec(f"the check is {check.id}")
        except BadSpec as error:
            # Whatever it was before, it is no longer: better not to look than to look at the wrong thing.
            log.warning("check.refused", key=key, reason=str(error))
            check = None
        if check is None or self._region not in check.regions:
            if self._checks.pop(int(id_), None) is not None:
                self._planner.remove(int(id_))
        elif self._checks.get(check.id) != check:
            self._checks[check.id] = check
            self._planner.put(check)


def parse(data: bytes) -> Check:
    """A CheckSpec as a value. BadSpec says what is wrong with it."""
    try:
        spec = CheckSpec.FromString(data)
    except DecodeError as error:
        raise BadSpec("not a CheckSpec") from error
    if spec.WhichOneof("target") != "http":
        raise BadSpec("a kind of check that this version does not know")
    url = _url(spec.http.url)
    regions = tuple(spec.regions)
    if spec.id == 0 or not regions or regions != tuple(sorted(set(regions))):
        raise BadSpec("no id, or regions that are not sorted")
    interval_us, timeout_us = _us(spec.interval), _us(spec.timeout)
    if interval_us <= 0 or timeout_us <= 0 or not 1 <= spec.down_attempts <= MAX_ATTEMPTS:
        raise BadSpec("interval, timeout or attempts out of bounds")
    return Check(
        id=spec.id,
        revision=spec.revision,
        name=spec.name,
        regions=regions,
        interval_us=interval_us,
        timeout_us=timeout_us,
        down_attempts=spec.down_attempts,
        attempt_gap_us=max(_us(spec.attempt_gap), 0),
        target=HttpTarget(
            url=url,
            headers=tuple(sorted(spec.http.headers.items())),
            expect_status=frozenset(spec.http.expect_status),
            body_contains=spec.http.body_contains,
            body_excludes=spec.http.body_excludes,
            max_latency_us=_us(spec.http.max_latency) if spec.http.HasField("max_latency") else 0,
        ),
    )


def _us(duration: Duration) -> int:
    return int(duration.ToTimedelta() / timedelta(microseconds=1))


def _url(text: str) -> str:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise BadSpec(f"not a URL: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise BadSpec("not an http or https URL")
    return text
