"""Real HTTP and HTTPS sites for the tests, to be broken and healed at a known instant."""

import asyncio
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine
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


class Crowd:
    """Many sites on one port, each a path, which keep a record of every request: when, and from which region."""

    def __init__(self, farm: "LocalSites") -> None:
        self.requests: dict[tuple[str, str], list[float]] = defaultdict(list)
        """By site and region, in seconds since the Unix epoch."""
        self.broken: frozenset[str] = frozenset()
        """These answer 503."""
        self.pages: dict[str, str] = {}
        """What a site shows, where it is more than a word."""
        self.port = farm.listen(lambda: _Visitor(self))

    def url(self, site: str) -> str:
        return f"http://{HOST}:{self.port}/{site}"


_REQUEST = re.compile(rb"GET /(\S+) .*?\r\nUser-Agent: Quivive/\S+ \(([a-z0-9-]+)", re.S | re.I)


class _Visitor(asyncio.Protocol):
    """A connection to the crowd."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if not self._seen.endswith(b"\r\n\r\n"):
            return
        found = _REQUEST.match(self._seen)
        assert found is not None, self._seen
        site, region = found[1].decode(), found[2].decode()
        self._crowd.requests[site, region].append(time.time())
        status = b"503 Service Unavailable" if site in self._crowd.broken else b"200 OK"
        page = self._crowd.pages.get(site, "Welcome").encode()
        head = b"HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        self._transport.write(head % (status, len(page)) + page)
        self._transport.close()


class LocalSites:
    """A farm in a thread of its own. HTTPS sites have certificates of a private authority: see `trusted`."""

    def __init__(self, folder: Path) -> None:
        self._certificates = Certificates(HOST)
        self.trusted = folder / "authorities.pem"
        """For SSL_CERT_FILE of whoever is to trust the sites."""
        self._certificates.write_trusted(self.trusted)
        self._servers: list[SiteServer] = []
        self._listeners: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="farm", daemon=True)
        self._thread.start()

    def add(self, name: str, *, https: bool = False) -> LocalSite:
        """Open one more site."""
        server = SiteServer(name, free_port(), self._certificates if https else None)
        self.run(server.open())
        self._servers.append(server)
        return LocalSite(self, name, server)

    def listen(self, protocol: Callable[[], asyncio.Protocol]) -> int:
        """Open a server for whatever the others cannot do; its port."""

        async def start() -> asyncio.Server:
            return await self._loop.create_server(protocol, HOST, 0, backlog=1000)

        server = self.run(start())
        self._listeners.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def close(self) -> None:
        for listener in self._listeners:
            self._loop.call_soon_threadsafe(listener.close)
        for server in self._servers:
            self.run(server.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def run(self, action: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(action, self._loop).result(30)
