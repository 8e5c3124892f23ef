"""The way to the network: a fresh, guarded and timed connection for each request. To httpx it is a transport.

Every failure leaves as `Failed` with its verdict; the deadline comes from outside as a cancellation.
"""

import ssl
from collections.abc import AsyncIterator

import httpx

from probe_agent import classify
from probe_agent.connect import Course, Surroundings, connect, secure
from probe_agent.failures import Failed
from probe_agent.http.exchange import Exchange, HeadTooLarge, Malformed, NoResponse, ResponseError, Truncated
from probe_agent.http.request import BadRequest, Hop, prepare
from probe_agent.resolve import ANY
from probe_agent.stream import Stream


class FreshTransport(httpx.AsyncBaseTransport):
    """One attempt's way to the network, one connection per hop; `family`: 4, 6 or any."""

    def __init__(self, surroundings: Surroundings, course: Course, family: int = ANY) -> None:
        self._surroundings = surroundings
        self._family = family
        self.course = course
        self._stream: Stream | None = None

    async def send(self, hop: Hop) -> Exchange:
        """One request, up to the response's head. Failed for whatever goes wrong."""
        self.hang_up()
        try:
            stream = self._stream = await connect(self._surroundings, self.course, hop.host, hop.port, self._family)
            if hop.is_secure:
                await secure(self._surroundings, self.course, stream, hop.host, speaks_first=True)
            exchange = Exchange(stream, self.course.watch)
            await exchange.head(hop.payload, expects_body=hop.method != "HEAD")
        except (ResponseError, OSError) as error:
            raise self._failure(error) from error
        return exchange

    async def read(self, exchange: Exchange) -> bytes | None:
        """The next piece of the body, None at its end. Failed when it breaks off."""
        try:
            return await exchange.body()
        except (ResponseError, OSError) as error:
            raise self._failure(error) from error

    def hang_up(self) -> None:
        if self._stream is not None:
            self._stream.abort()
            self._stream = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """What httpx asks for. Failed for whatever goes wrong up to the response's head, and while its stream is read."""
        await request.aread()
        try:
            hop = prepare(request)
        except BadRequest as error:
            raise Failed(classify.agent_failed(str(error))) from error
        exchange = await self.send(hop)
        return httpx.Response(exchange.status, headers=exchange.headers, stream=_Content(self, exchange))

    async def aclose(self) -> None:
        self.hang_up()

    def _failure(self, error: ResponseError | OSError) -> Failed:
        """What an exception says about the site."""
        match error:
            case NoResponse():
                return Failed(classify.no_response())
            case Truncated():
                return Failed(classify.response_truncated(str(error)))
            case HeadTooLarge():
                return Failed(classify.head_too_large(str(error)))
            case ResponseError() | Malformed():
                return Failed(classify.response_malformed(str(error)))
            case ssl.SSLError():  # after the handshake: records that make no sense, or an alert
                return Failed(classify.response_malformed(f"broken TLS: {error.reason or error}"))
            case _:
                return Failed(classify.connection_lost(self.course.address))


class _Content(httpx.AsyncByteStream):
    """A response's body, as it was sent."""

    def __init__(self, transport: FreshTransport, exchange: Exchange) -> None:
        self._transport, self._exchange = transport, exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._transport.read(self._exchange)) is not None:
            yield piece

    async def aclose(self) -> None:
        self._transport.hang_up()
