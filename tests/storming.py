"""What storms of the database need: a load whose results are counted, and a link to the database that freezes, crawls, breaks."""

import asyncio
from array import array

import psycopg
from declaring import rows
from psycopg import conninfo
from publishing import Publisher, now_us

from quivive.domain.checks import DEFAULT_SHARDS, shard_of
from quivive.v1 import bus_pb2

PORTION = 250
"""Results in a message."""


class Load:
    """Good results of one check, one message after the other, until told to stop; counts what the bus has acknowledged."""

    def __init__(self, publisher: Publisher, check: int, pause_s: float = 0.01) -> None:
        self._publisher = publisher
        self._check = check
        self._pause_s = pause_s
        self._stop = asyncio.Event()
        self._slot_us = now_us()
        self.sent = 0

    async def run(self) -> int:
        while not self._stop.is_set():
            await self._publisher.raw(shard_of(self._check, DEFAULT_SHARDS), "eu-west", self._message())
            self.sent += PORTION
            await asyncio.sleep(self._pause_s)
        return self.sent

    def stop(self) -> None:
        self._stop.set()

    def _message(self) -> bytes:
        """No two results have the same slot, which lies near the present."""
        self._slot_us = max(self._slot_us + PORTION, now_us())
        offsets, ones = array("i", range(PORTION)).tobytes(), array("I", [1] * PORTION).tobytes()
        return bus_pb2.ResultColumns(
            region="eu-west",
            agent="storm",
            shard=shard_of(self._check, DEFAULT_SHARDS),
            base_time_us=self._slot_us,
            check=[array("Q", [self._check] * PORTION).tobytes()],
            revision=[ones],
            slot_us=[offsets],
            end_us=[offsets],
            attempt=[bytes(PORTION)],
            outcome=[b"\x01" * PORTION],
            cause=[bytes(PORTION)],
            dns=[ones],
            connect=[ones],
            tls=[ones],
            first_byte=[ones],
            transfer=[ones],
            http_status=[b"\xc8\x01" * PORTION],
        ).SerializeToString()


def stored(url: str) -> int:
    """Results in the database; -1 while it is away."""
    try:
        ((count,),) = rows(url, "SELECT count(*) FROM quivive.results")
    except psycopg.OperationalError:
        return -1
    return int(count)


class Link:
    """A TCP way to a database: `url` leads through it."""

    def __init__(self, url: str) -> None:
        self._parts = conninfo.conninfo_to_dict(url)
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self.rate: float | None = None
        """Bytes per second of each direction of a connection, where it crawls."""

    async def open(self) -> "Link":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        parts = self._parts
        return f"postgresql://{parts['user']}:{parts['password']}@127.0.0.1:{port}/{parts['dbname']}"

    def freeze(self) -> None:
        """Nothing gets through, and nobody is told."""
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def cut(self) -> None:
        """Every connection is reset."""
        for writer in self._writers:
            writer.transport.abort()

    def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(str(self._parts["host"]), int(str(self._parts["port"])))
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        try:
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        except OSError:
            pass
        finally:
            for one in (writer, back):
                one.transport.abort()
                self._writers.discard(one)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(16_384):
            if self.rate is not None:
                await asyncio.sleep(len(data) / self.rate)
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        writer.write_eof()
