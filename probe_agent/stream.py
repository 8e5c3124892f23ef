"""One TCP connection, plain or TLS, as bytes in both directions."""

import asyncio
import socket
import ssl
from typing import cast

READ_BYTES = 16 * 1024
"""Handed on at once; it also bounds what a compressed piece can unpack to."""
HELD_BYTES = 128 * 1024
"""With so much unread, the other side is made to wait."""


class Stream(asyncio.Protocol):
    """There are no timeouts in here: the attempt has one deadline around everything."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._arrived: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._paused = False
        self._finished = False
        self.ended = False
        """The other side hung up, and everything it had sent has been read."""

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # Else the request waits for the acknowledgement of the handshake's last message: 40 ms that are not the site's.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

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
        while not self._buffer:
            if self._error is not None:
                raise self._error
            if self._finished:
                self.ended = True
                return b""
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived
        data = bytes(self._buffer[:READ_BYTES])
        del self._buffer[:READ_BYTES]
        if self._paused and not self._buffer and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def write(self, data: bytes) -> None:
        """Hand the bytes to the kernel; a request is small, so nobody waits for it to leave."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def start_tls(self, context: ssl.SSLContext, host: str) -> ssl.SSLObject:
        """Shake hands and go on encrypted. ssl.SSLError or OSError when it fails."""
        assert self._transport is not None
        transport = await asyncio.get_running_loop().start_tls(self._transport, self, context, server_hostname=host)
        if transport is None:
            raise ConnectionAbortedError("hung up in the handshake")
        self._transport = transport
        return cast(ssl.SSLObject, transport.get_extra_info("ssl_object"))

    def abort(self) -> None:
        """Hang up without a farewell: a TLS shutdown would wait for an answer that nobody needs."""
        if self._transport is not None:
            self._transport.abort()


async def open_stream(address: str, port: int) -> Stream:
    """A connection to one address. OSError when there is none."""
    _, stream = await asyncio.get_running_loop().create_connection(Stream, address, port)
    return stream
