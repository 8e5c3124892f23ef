"""Who watches the watcher: a service elsewhere expects a call every minute, and raises the alarm when none comes.

A call is made only while the whole path moves: results have been committed lately, and the sender has looked at the outbox. An
installation that watches nothing has no results; there the sender's look alone counts.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

import httpx
import structlog

from quivive import __version__

log = structlog.get_logger(__name__)

EVERY_S = 60.0
LATEST_S = 90.0
"""What is longer ago than this is no progress."""
TIMEOUT_S = 10.0


class Path:
    """Where the path has last moved, by a monotonic clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._committed = self._swept = float("-inf")

    def committed(self) -> None:
        """Results are on record."""
        self._committed = self._clock()

    def swept(self) -> None:
        """The sender has seen what the outbox holds."""
        self._swept = self._clock()

    def stuck(self, *, watches: bool) -> str | None:
        """What has not moved, if anything has not."""
        now = self._clock()
        if watches and now - self._committed > LATEST_S:
            return "no results have been committed"
        if now - self._swept > LATEST_S:
            return "nobody has looked at the outbox"
        return None


class DeadMan:
    """Calls each of the addresses, in the manner of Healthchecks."""

    def __init__(self, urls: Sequence[str], path: Path, watches: Callable[[], bool]) -> None:
        self._urls = urls
        self._path = path
        self._watches = watches

    async def run(self, every_s: float = EVERY_S) -> None:
        """For as long as the task lives; without addresses there is nothing to do."""
        if not self._urls:
            await asyncio.Event().wait()
        async with httpx.AsyncClient(
            timeout=TIMEOUT_S, trust_env=False, headers={"User-Agent": f"Quivive/{__version__}"}
        ) as client:
            while True:
                await asyncio.sleep(every_s)
                await self.call(client)

    async def call(self, client: httpx.AsyncClient) -> None:
        """Once. Addresses are secrets of a kind: whoever has one can call it, so that logs have only their hosts."""
        if (reason := self._path.stuck(watches=self._watches())) is not None:
            log.warning("deadman.withheld", reason=reason)
            return
        await asyncio.gather(*(self._get(client, url) for url in self._urls))

    async def _get(self, client: httpx.AsyncClient, url: str) -> None:
        try:
            async with client.stream("GET", url) as response:
                if response.status_code >= 300:
                    log.warning("deadman.refused", host=httpx.URL(url).host, status=response.status_code)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.warning("deadman.failed", host=url.split("/")[2:3], error=type(error).__name__)
