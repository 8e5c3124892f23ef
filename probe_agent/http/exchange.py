"""One request and its response on one connection; llhttp (through httptools) reads the bytes.

Whatever comes, it comes to an end: heads are bounded, bodies are handed on as they arrive, and garbage is `Malformed`.
"""

import time
from collections import deque

import httptools

from probe_agent.http.request import Header
from probe_agent.phases import Phase, Stopwatch
from probe_agent.stream import Stream

MAX_HEAD_BYTES = 64 * 1024
"""Status line and headers, those of interim responses included."""


class ResponseError(Exception):
    """The bytes are no whole HTTP response."""


class NoResponse(ResponseError):
    """The server hung up before the response's first byte."""


class Truncated(ResponseError):
    """The server hung up in the middle of a response."""


class Malformed(ResponseError):
    """Not HTTP."""


class HeadTooLarge(ResponseError):
    """The headers do not end."""


class Exchange:
    """Sends a request and reads the response: `head` once, then `body` until it is None."""

    def __init__(self, stream: Stream, watch: Stopwatch) -> None:
        self._stream = stream
        self._watch = watch
        self._parser = httptools.HttpResponseParser(self)
        # What every browser puts up with: lines that end in LF alone, and a hang-up where "Connection: close" was said.
        self._parser.set_dangerous_leniencies(
            lenient_optional_lf_after_cr=True, lenient_optional_cr_before_lf=True, lenient_data_after_close=True
        )
        self._pieces: deque[bytes] = deque()
        self._has_head = False
        self._is_framed = False
        """The response says itself where it ends, and not by the end of the connection."""
        self._is_complete = False
        self._head_bytes = 0
        self.status = 0
        self.headers: list[Header] = []
        """Names in lower case."""
        self.received = 0
        """Bytes, head included."""
        self.last_ns = 0
        """When the last bytes came, on the monotonic clock."""

    async def head(self, payload: bytes, *, expects_body: bool) -> None:
        """Send the request and wait for `status` and `headers`. ResponseError, OSError or ssl.SSLError."""
        self._watch.enter(Phase.FIRST_BYTE, time.monotonic_ns())
        self._stream.write(payload)
        while not self._has_head:
            await self._read()
        if not expects_body:
            self._is_complete = True
            self._pieces.clear()

    async def body(self) -> bytes | None:
        """The next piece of the body as it was sent, None at its end. ResponseError, OSError or ssl.SSLError."""
        while not self._pieces:
            if self._is_complete:
                return None
            await self._read()
        return self._pieces.popleft()

    async def _read(self) -> None:
        data = await self._stream.read()
        self.last_ns = time.monotonic_ns()
        if not data:
            self._end()
            return
        if not self.received:
            self._watch.enter(Phase.TRANSFER, self.last_ns)
        self.received += len(data)
        if not self._has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            raise Malformed("the server changes the protocol, unasked") from error
        except httptools.HttpParserError as error:
            if not self._is_complete:  # what follows a whole response was never asked for
                raise Malformed(str(error)) from error
        if not self._has_head and self._head_bytes > MAX_HEAD_BYTES:
            raise HeadTooLarge(f"more than {MAX_HEAD_BYTES // 1024} KiB of headers")

    def _end(self) -> None:
        """What a hang-up means, by how far the response had come."""
        if not self._has_head:
            raise NoResponse if self.received == 0 else Truncated("in the headers")
        if self._is_framed:
            raise Truncated("in the body")
        self._is_complete = True

    # What httptools calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:  # else a trailer
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._has_head:  # a second response, unasked
            return
        status = self._parser.get_status_code()
        if 100 <= status <= 199:
            self.headers.clear()
            return
        self.status, self._has_head = status, True
        for name, value in self.headers:
            if name == b"content-length" or (name == b"transfer-encoding" and b"chunked" in value.lower()):
                self._is_framed = True

    def on_body(self, body: bytes) -> None:
        if not self._is_complete:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        self._is_complete = self._has_head
