"""A small HTTP or HTTPS server that can be broken and healed while it runs."""

import asyncio
import socket
import ssl
from contextlib import suppress
from html import escape

from quivive.embedded.demo.addresses import HOST
from quivive.embedded.demo.certificates import Certificates
from quivive.embedded.demo.troubles import Trouble

REQUEST_WITHIN_S = 30.0

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:1.2rem/1.6 system-ui;max-width:36rem;margin:15vh auto;padding:0 1rem}}</style>
<h1>{title}</h1><p>{text}</p></html>
"""


class SiteServer:
    """One site on a port of its own; it keeps the port even while it refuses connections.

    A name below `.localhost` means this machine without anybody being asked, by both families of addresses.
    """

    def __init__(self, title: str, port: int, certificates: Certificates | None = None, host: str = HOST) -> None:
        self.title, self.port, self.host = title, port, host
        self._certificates = certificates
        self._trouble: Trouble | None = None
        self._servers: list[asyncio.Server] = []
        self._held: list[socket.socket] = []
        """While it refuses: bound, so that nobody else gets the port, but not listening."""
        self._connections: set[asyncio.Task[None]] = set()
        self.requests = 0
        """Complete requests that came in."""

    @property
    def url(self) -> str:
        return f"{'https' if self._certificates else 'http'}://{self.host}:{self.port}/"

    async def open(self) -> None:
        """Listen. OSError when the port is taken."""
        await self._listen(self._bind())

    async def close(self) -> None:
        self._silence()
        for held in self._held:
            held.close()

    async def become(self, trouble: Trouble | None) -> None:
        """Break in this way, or heal."""
        if trouble is self._trouble:
            return
        was, self._trouble = self._trouble, trouble
        if trouble is Trouble.REFUSED:
            self._silence()
            self._held = self._bind()
            for held in self._held:
                held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        elif was is Trouble.REFUSED:
            bound, self._held = self._held, []
            await self._listen(bound)
        else:
            self._hang_up()

    def _bind(self) -> list[socket.socket]:
        addresses = [(socket.AF_INET, HOST)]
        if self.host != HOST and socket.has_dualstack_ipv6():
            addresses.append((socket.AF_INET6, "::1"))
        bound = []
        for family, address in addresses:
            one = socket.socket(family)
            # Past the remains of our own closed connections.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((address, self.port))
            bound.append(one)
        return bound

    async def _listen(self, bound: list[socket.socket]) -> None:
        for one in bound:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._servers.append(await asyncio.start_server(self._accept, sock=one, ssl=self._context()))

    def _silence(self) -> None:
        for server in self._servers:
            server.close()
        self._servers = []
        self._hang_up()

    def _hang_up(self) -> None:
        for connection in self._connections:
            connection.cancel()

    def _context(self) -> ssl.SSLContext | None:
        if self._certificates is None:
            return None
        good, expired = self._certificates.good(), self._certificates.expired()

        # Asked in every handshake, so that the certificate can change under a listening server.
        def choose(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
            connection.context = expired if self._trouble is Trouble.EXPIRED else good

        good.sni_callback = choose
        return good

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            async with asyncio.timeout(REQUEST_WITHIN_S):
                await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            if self._trouble is Trouble.HANGING:
                await reader.read()
                return
            writer.write(self._answer())
            await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            # A visitor that left, or a trouble that began: the connection just ends.
            pass
        finally:
            self._connections.discard(task)
            with suppress(OSError):
                writer.close()

    def _answer(self) -> bytes:
        status, text = "200 OK", "Welcome."
        if self._trouble is Trouble.UNAVAILABLE:
            status, text = "503 Service Unavailable", "Briefly unavailable. Please come back in a minute."
        elif self._trouble is Trouble.DATABASE:
            status, text = "500 Internal Server Error", "Error establishing a database connection"
        body = PAGE.format(title=escape(self.title), text=text).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        return head.encode("ascii") + b"Connection: close\r\n\r\n" + body
