"""Real HTTP and HTTPS sites for the tests, to be broken and healed at a known instant."""

import asyncio
import threading
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from quivive.embedded.demo.addresses import HOST
from quivive.embedded.demo.certificates import Certificates
from quivive.embedded.demo.server import SiteServer
from quivive.embedded.demo.troubles import Trouble
from quivive.embedded.places import free_port

T = TypeVar("T")


class LocalSite:
    """One site; `become` and `heal` return the instant from which visitors see the change."""

    def __init__(self, farm: "LocalSites", name: str, server: SiteServer) -> None:
        self.name = name
        self._farm, self._server = farm, server

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def requests(self) -> int:
        """Complete requests so far."""
        return self._server.requests

    def become(self, trouble: Trouble | None) -> datetime:
        """Break in this way, or heal with None."""

        async def change() -> datetime:
            await self._server.become(trouble)
            return datetime.now(UTC)

        return self._farm.run(change())

    def heal(self) -> datetime:
        return self.become(None)


class LocalSites:
    """A farm in a thread of its own. HTTPS sites have certificates of a private authority: see `trusted`."""

    def __init__(self, folder: Path) -> None:
        self._certificates = Certificates(HOST)
        self.trusted = folder / "authorities.pem"
        """For SSL_CERT_FILE of whoever is to trust the sites."""
        self._certificates.write_trusted(self.trusted)
        self._servers: list[SiteServer] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="farm", daemon=True)
        self._thread.start()

    def add(self, name: str, *, https: bool = False) -> LocalSite:
        """Open one more site."""
        server = SiteServer(name, free_port(), self._certificates if https else None)
        self.run(server.open())
        self._servers.append(server)
        return LocalSite(self, name, server)

    def close(self) -> None:
        for server in self._servers:
            self.run(server.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def run(self, action: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(action, self._loop).result(30)
