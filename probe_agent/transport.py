"""An httpx transport that makes a fresh, guarded and timed connection for each request; HTTP/1.1 is httpcore's.

Every failure leaves as `Failed` with its verdict; the deadline comes from outside as a cancellation.
"""

import ssl
from collections.abc import AsyncIterator
from typing import Any, cast

import httpcore
import httpx

from probe_agent import classify
from probe_agent.connect import Course, Surroundings, connect, secure
from probe_agent.failures import Failed
from probe_agent.phases import Phase
from probe_agent.stream import Stream


class FreshTransport(httpx.AsyncBaseTransport):
    """One attempt's way to the network, one connection per hop."""

    def __init__(self, surroundings: Surroundings, course: Course) -> None:
        self._surroundings = surroundings
        self.course = course
        self._stream: Stream | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One hop. Failed for whatever goes wrong up to the response's head."""
        await self.aclose()
        host = request.url.host
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        try:
            connection = await self._connect(url.origin)
            response = await connection.handle_async_request(
                httpcore.Request(request.method, url, headers=request.headers.raw)
            )
        except Exception as error:
            raise self.failure(error, host, begun=False) from error
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Content(self, host, cast(AsyncIterator[bytes], response.stream)),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        if self._stream is not None:
            self._stream.abort()

    async def _connect(self, origin: httpcore.Origin) -> httpcore.AsyncHTTP11Connection:
        self.course.enter(Phase.DNS)
        host = origin.host.decode("ascii")
        self._stream = await connect(self._surroundings, self.course, host, origin.port)
        if origin.scheme == b"https":
            await secure(self._surroundings, self.course, self._stream, host)
        self.course.enter(Phase.FIRST_BYTE)
        return httpcore.AsyncHTTP11Connection(origin, _Wire(self.course, self._stream))

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

    def __init__(self, course: Course, stream: Stream) -> None:
        self._course, self._stream = course, stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read()
        if data and self._course.watch.phase is Phase.FIRST_BYTE:
            self._course.enter(Phase.TRANSFER)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer)

    async def aclose(self) -> None:
        self._stream.abort()

    def get_extra_info(self, info: str) -> Any:
        """Nothing that httpcore would need for a connection that is used once."""
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
