"""An httpx transport that makes a fresh, guarded and timed connection for each request; HTTP/1.1 is httpcore's.

Every failure leaves as `Failed` with its verdict; the deadline comes from outside as a cancellation.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

import httpcore
import httpx

from probe_agent import classify
from probe_agent.connect import Course, Surroundings, connect, secure
from probe_agent.failures import Failed
from probe_agent.phases import Phase
from probe_agent.stream import Stream


class FreshTransport(httpx.AsyncBaseTransport, httpcore.AsyncNetworkBackend):
    """One attempt's way to the network, one connection per hop."""

    def __init__(self, surroundings: Surroundings, course: Course) -> None:
        self.surroundings = surroundings
        self.course = course
        self._stream: Stream | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One hop. Failed for whatever goes wrong up to the response's head."""
        await self.aclose()
        self.course.enter(Phase.DNS)
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        connection = httpcore.AsyncHTTPConnection(url.origin, ssl_context=self.surroundings.tls, network_backend=self)
        try:
            response = await connection.handle_async_request(
                httpcore.Request(request.method, url, headers=request.headers.raw)
            )
        except Exception as error:
            raise self.failure(error, request.url.host, begun=False) from error
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Content(self, request.url.host, cast(AsyncIterator[bytes], response.stream)),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        if self._stream is not None:
            self._stream.abort()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Called by httpcore for the connection at hand."""
        self._stream = await connect(self.surroundings, self.course, host, port)
        self.course.enter(Phase.FIRST_BYTE)
        return _Wire(self, self._stream)

    async def sleep(self, seconds: float) -> None:
        """Part of httpcore's interface, for retries of its own, which are off."""
        await asyncio.sleep(seconds)

    def failure(self, error: Exception, host: str, *, begun: bool) -> Failed:
        """What an exception says about the site; `begun`: the response's head was there. Raises what is our own mistake."""
        match error:
            case Failed():
                return error
            case ssl.SSLCertVerificationError():
                return Failed(classify.tls_failed(error.verify_code, error.verify_message, host))
            case ssl.SSLError():
                return Failed(classify.tls_failed(None, error.reason or str(error), host))
            case ConnectionError(errno=None) if (
                self.course.watch.phase is Phase.TLS
            ):  # asyncio's word for an end of file
                return Failed(classify.tls_failed(None, "the server hung up", host))
            case OSError():
                return Failed(classify.connection_lost(self.course.address))
            case httpcore.RemoteProtocolError():
                ended = self._stream is not None and self._stream.ended
                return Failed(classify.response_broken(ended=ended, begun=begun, reason=str(error)))
            case httpcore.LocalProtocolError():
                return Failed(classify.agent_failed(f"the request could not be sent: {error}"))
            case _:
                raise error


class _Wire(httpcore.AsyncNetworkStream):
    """The connection as httpcore sees it. Its timeouts are not used: the deadline is the attempt's."""

    def __init__(self, transport: FreshTransport, stream: Stream) -> None:
        self._transport, self._stream = transport, stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read()
        course = self._transport.course
        if data and course.watch.phase is Phase.FIRST_BYTE:
            course.enter(Phase.TRANSFER)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer)

    async def aclose(self) -> None:
        self._stream.abort()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        await secure(self._transport.surroundings, self._transport.course, self._stream, server_hostname)
        self._transport.course.enter(Phase.FIRST_BYTE)
        return self

    def get_extra_info(self, info: str) -> Any:
        """httpcore asks whether HTTP/2 was negotiated: never offered."""
        return None


class _Content(httpx.AsyncByteStream):
    """A response's body; failures while it is read leave as `Failed`, too."""

    def __init__(self, transport: FreshTransport, host: str, content: AsyncIterator[bytes]) -> None:
        self._transport, self._host, self._content = transport, host, content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._content:
                yield piece
        except Exception as error:
            raise self._transport.failure(error, self._host, begun=True) from error

    async def aclose(self) -> None:
        await self._transport.aclose()
