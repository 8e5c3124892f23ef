"""One TCP connection, plain or TLS, as bytes in both directions.

There are no timeouts in here: the attempt has one deadline around everything.
"""

import asyncio
import ssl
from typing import cast

from probe_agent.tls import Client, Conversation, Session

READ_BYTES = 64 * 1024
"""The most that is handed on at once."""
HELD_BYTES = 128 * 1024
"""With so much unread, the other side is made to wait."""


class Stream(asyncio.Protocol):
    """TLS is between two memory buffers: half the cost of the event loop's own."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._arrived: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._paused = False
        self._finished = False
        self._tls: Conversation | None = None
        self.ended = False
        """The other side hung up, and everything it had sent has been read."""

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > HELD_BYTES and not self._paused and self._transport is not None:
            self._transport.pause_reading()
            self._paused = True
        self._wake()

    def eof_received(self) -> None:
        self._finished = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._finished = True
        self._error = exc
        self._wake()

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    # What the attempt calls.

    async def read(self) -> bytes:
        """The next bytes, empty at the end. OSError or ssl.SSLError when the connection broke."""
        return await self._receive() if self._tls is None else await self._read_tls(self._tls)

    def write(self, data: bytes) -> None:
        """Hand the bytes over; a request is small, so nobody waits for it to leave."""
        if self._tls is None:
            self._send(data)
        else:
            self._tls.write(data)
            self._send(self._tls.give())

    async def start_tls(
        self,
        client: Client,
        host: str,
        session: Session | None = None,
        *,
        verify: bool = True,
        speaks_first: bool = False,
    ) -> Conversation:
        """Shake hands and go on encrypted. ssl.SSLError or OSError when it fails.

        `speaks_first`: something is written next, and takes the last words of the handshake along.
        """
        tls = client.begin(host, session, verify=verify)
        try:
            while not tls.shake_hands():
                self._send(tls.give())
                data = await self._receive()
                if not data:
                    raise ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "the server hung up")
                tls.take(data)
        except ssl.SSLError:
            self._send(tls.give())  # the alert that tells the server why
            raise
        if not speaks_first:
            self._send(tls.give())
        self._tls = tls
        return tls

    def abort(self) -> None:
        """Hang up without a farewell: a TLS shutdown would wait for an answer that nobody needs."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    async def _receive(self) -> bytes:
        """The next bytes from the network, empty at the end."""
        while not self._buffer:
            if self._error is not None:
                raise self._error
            if self._finished:
                self.ended = True
                return b""
            self._arrived = self._loop.create_future()
            await self._arrived
        if len(self._buffer) <= READ_BYTES:
            data = bytes(self._buffer)
            self._buffer.clear()
        else:
            data = bytes(self._buffer[:READ_BYTES])
            del self._buffer[:READ_BYTES]
        if self._paused and not self._buffer and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def _read_tls(self, tls: Conversation) -> bytes:
        while (data := tls.read()) is None:
            self._send(tls.give())  # an answer to a key update
            tls.take(await self._receive())
        if not data:
            self.ended = True
        return data

    def _send(self, data: bytes) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


async def open_stream(address: str, port: int) -> Stream:
    """A connection to one address. OSError when there is none."""
    _, stream = await asyncio.get_running_loop().create_connection(Stream, address, port)
    return stream
