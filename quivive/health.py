"""What an orchestrator asks a service over HTTP: /livez, /readyz and /metrics."""

import asyncio
from collections.abc import Callable

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

log = structlog.get_logger(__name__)

REQUEST_TIMEOUT_S = 5.0
"""A client that takes longer to say what it wants is hung up on."""
MAX_REQUEST_BYTES = 16 * 1024

_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


class HealthServer:
    """A listening health endpoint; `serve` makes one."""

    def __init__(self, not_ready: Callable[[], str | None]) -> None:
        self._not_ready = not_ready
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self, bind: str, port: int) -> None:
        """Listen. OSError when the address cannot be had."""
        self._server = await asyncio.start_server(self._accept, bind, port, limit=MAX_REQUEST_BYTES)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening and hang up on whoever is still connected."""
        assert self._server is not None
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.ensure_future(self._converse(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                request = await reader.readuntil(b"\r\n\r\n")
                status, content_type, body = self._answer(request)
                head = (
                    f"HTTP/1.1 {status} {_REASONS[status]}\r\n"
                    f"Content-Type: {content_type}\r\n"
                    f"Content-Length: {len(body)}\r\n"
                    "Cache-Control: no-store\r\n"
                    "Connection: close\r\n\r\n"
                )
                writer.write(head.encode() + (b"" if request.startswith(b"HEAD ") else body))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.debug("health.request_dropped", error=str(error) or type(error).__name__)
        finally:
            writer.close()

    def _answer(self, request: bytes) -> tuple[int, str, bytes]:
        """Status, content type and body for a request's head."""
        text = "text/plain; charset=utf-8"
        words = request.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3:
            return 400, text, b"not HTTP\n"
        method, path = words[0], words[1].split(b"?", 1)[0]
        if method not in (b"GET", b"HEAD"):
            return 405, text, b"only GET and HEAD\n"
        match path:
            case b"/livez":
                return 200, text, b"ok\n"
            case b"/readyz":
                reason = self._not_ready()
                return (200, text, b"ok\n") if reason is None else (503, text, f"{reason}\n".encode())
            case b"/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest()
            case _:
                return 404, text, b"there are /livez, /readyz and /metrics\n"


async def serve(bind: str, port: int, not_ready: Callable[[], str | None]) -> HealthServer:
    """Listen; port 0 takes a free one. `not_ready` gives the reason, or None when ready. OSError: address in use."""
    server = HealthServer(not_ready)
    await server.open(bind, port)
    log.info("health.opened", bind=bind, port=server.port)
    return server
