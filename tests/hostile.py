"""A server that answers by the dice, and an agent's checker let loose on it, in a process of its own whose memory is told.

`python hostile.py RESPONSES` prints one JSON object: `outcomes` (a count per cause), `idle_mib` (resident memory at rest
after each half), `tasks` and `descriptors` left over.
"""

import asyncio
import ctypes
import gc
import gzip
import json
import random
import socket
import ssl
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from ipaddress import ip_network

import psutil
import trustme
import uvloop

from probe_agent.check import Checker
from probe_agent.checks import Check
from probe_agent.connect import Surroundings
from probe_agent.resolve import Resolver
from probe_agent.results import Result
from probe_agent.targets import Drift, HttpTarget
from quivive.domain.words import Outcome

SEED = 20261122
AT_A_TIME = 100
TIMEOUT_S = 0.4
LATE_S = 2.0
"""The machine may be slow; a hang would take for ever."""
BOMB = gzip.compress(bytes(20_000_000))

Dice = random.Random
Response = bytes


def noise(dice: Dice) -> Response:
    return dice.randbytes(dice.choice((1, 10, 1000, 100_000)))


def page(dice: Dice) -> Response:
    """A good response, or nearly."""
    body = dice.choice((b"", b"<p>bread", b"\0" * 5000, "é".encode() * 4000, b"<b>" * 30_000, dice.randbytes(3000)))
    status = dice.choice(
        (b"200 OK", b"204 No Content", b"500 Oops", b"429 Slow Down", b"999 X", b"0 Zero", b"99999 Y", b"-1 Z")
    )
    length = dice.choice((len(body), len(body) + 1000, max(len(body) - 3, 0), 2**63, -1, "many", "0x10", ""))
    kind = dice.choice((b"text/html", b"text/html; charset=utf-16", b"text/plain; charset=../../etc", b"\xff\xfe", b""))
    headers = [b"Content-Length: %s" % str(length).encode(), b"Content-Type: " + kind]
    headers += [b"Content-Length: 7"] * dice.choice((0, 0, 1))
    headers += dice.choice(([], [b"Retry-After: " + dice.choice((b"9" * 400, b"-5", b"Thu, 99 Foo 2026", b"1"))]))
    version = dice.choice((b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2", b"HTTP/9.9", b"ICY", b"http/1.1"))
    end = dice.choice((b"\r\n", b"\n", b"\r"))
    return end.join([version + b" " + status, *headers, b"", b""]) + body


def mutated(dice: Dice) -> Response:
    data = bytearray(page(dice))
    for _ in range(dice.randint(1, 20)):
        place = dice.randrange(len(data))
        match dice.randrange(3):
            case 0:
                data[place] = dice.randrange(256)
            case 1:
                del data[place : place + dice.randint(1, 9)]
            case _:
                data[place:place] = dice.randbytes(dice.randint(1, 9))
        if not data:
            break
    return bytes(data)


def headers(dice: Dice) -> Response:
    """Too many, too long, folded, nameless, without an end."""
    kind = dice.randrange(6)
    if kind == 0:
        return b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000
    if kind == 1:
        return b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000
    if kind == 2:
        return b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\tmore\r\n: nameless\r\n\r\n"
    if kind == 3:
        return b"HTTP/1.1 200 " + b"O" * 200_000 + b"\r\n\r\n"
    if kind == 4:
        return b"HTTP/1.1 100 Continue\r\n\r\n" * dice.choice((1, 100, 20_000)) + b"HTTP/1.1 200 OK\r\n\r\nok"
    return b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" + dice.randbytes(
        100
    )


def chunks(dice: Dice) -> Response:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + dice.choice(
        (b"chunked", b"gzip, chunked", b"chunked, chunked", b"x")
    )
    sizes = (
        b"5",
        b"ffffffffffffffff",
        b"-5",
        b"0",
        b"5;ext=" + b"x" * 5000,
        b"zz",
        b"",
        b"00000000000000005",
        b" 5",
        b"5 ",
    )
    parts = [
        dice.choice(sizes) + dice.choice((b"\r\n", b"\n")) + b"hello" + dice.choice((b"\r\n", b"")) for _ in range(9)
    ]
    trailer = dice.choice((b"0\r\n\r\n", b"0\r\nX: " + b"y" * 90_000 + b"\r\n\r\n", b"", b"0\r\n"))
    also = dice.choice((b"", b"\r\nContent-Length: 3"))
    return head + also + b"\r\n\r\n" + b"".join(parts) + trailer


def compressed(dice: Dice) -> Response:
    """Cut short, broken, in layers, or a bomb."""
    layers = dice.choice(("gzip", "deflate", "gzip, gzip", "gzip, deflate", "br", ", ".join(["gzip"] * 50), "gzip;q=1"))
    body = dice.choice((gzip.compress(b"<p>bread"), BOMB, gzip.compress(dice.randbytes(5000))))
    match dice.randrange(5):
        case 0:
            body = body[: len(body) // 2]
        case 1:
            body = bytes(byte ^ (dice.random() < 0.01) for byte in body[:5000])
        case 2:
            body = gzip.compress(body)
        case 3:
            body = zlib.compress(b"<p>bread")[dice.choice((0, 2)) :]
        case _:
            pass
    length = dice.choice((f"Content-Length: {len(body)}\r\n", ""))
    return f"HTTP/1.1 {dice.choice((200, 503))} X\r\nContent-Encoding: {layers}\r\n{length}\r\n".encode() + body


def redirects(dice: Dice) -> Response:
    places = (
        b"/",
        b"//",
        b"",
        b"///x",
        b"http://",
        b"https://127.0.0.1:1/",
        b"http://127.0.0.1:1/",
        b"http://[::1",
        b"http://[::ffff:169.254.169.254]/",
        b"http://0x7f.1/",
        b"http://2130706433/",
        b"http://169.254.169.254/latest",
        b"http://10.0.0.1:99999/",
        b"http://user:pass@127.0.0.1:1/",
        b"javascript:alert(1)",
        b"file:///etc/passwd",
        b"gopher://127.0.0.1:1/_x",
        b"/" + b"x" * 60_000,
        b"/\xff\xfe\x00",
        b"http://\xe2\x80\xae.example/",
        b"http://xn--\xff/",
        b"?" + b"a=b&" * 5000,
        b"/%0d%0aSet-Cookie:x",
        dice.randbytes(40),
    )
    cookies = b"".join(
        b"Set-Cookie: c%d=%s\r\n" % (n, b"v" * dice.choice((1, 3000))) for n in range(dice.choice((0, 1, 20)))
    )
    status = dice.choice((b"301", b"302", b"303", b"307", b"308", b"300", b"304", b"305"))
    return b"HTTP/1.1 %s X\r\n%sLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, cookies, dice.choice(places))


def records(dice: Dice) -> Response:
    """What a TLS client may get: alerts, records of all kinds, a server's hello that goes nowhere."""
    kind, version = (
        dice.choice((20, 21, 22, 23, 24, 80)),
        dice.choice((b"\x03\x01", b"\x03\x03", b"\x03\x04", b"\xff\xff")),
    )
    body = dice.choice(
        (b"\x02\x28", b"\x01\x00", b"\x02\x00\x00\x04" + dice.randbytes(4), dice.randbytes(300), b"\x02" + b"\xff" * 3)
    )
    length = dice.choice((len(body), 0, 16_384, 65_535)).to_bytes(2, "big")
    return (bytes([kind]) + version + length + body) * dice.choice((1, 3, 2000))


def markup(dice: Dice) -> Response:
    """A page that is made to take long to read."""
    pieces = (
        b"<script ",
        b"<script>",
        b"<a ",
        b"<!-- ",
        b"<title>",
        b"</script ",
        b"<b style='display:none'>",
        b"<a href='",
    )
    body = dice.choice(pieces) * dice.choice((100, 1000, 5000)) + dice.choice((b"", b"</i>" * 1000))
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body) + body


KINDS: tuple[Callable[[Dice], Response], ...] = (
    noise,
    page,
    mutated,
    headers,
    chunks,
    compressed,
    redirects,
    records,
    markup,
)


class HostileServer:
    """Answers every connection by the dice: in one piece or in many, then it hangs up, resets, or does nothing."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._servers: list[asyncio.Server] = []
        self._conversations: set[asyncio.Task[None]] = set()

    async def listen(self, tls: ssl.SSLContext | None) -> int:
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0, ssl=tls)
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def rest(self) -> None:
        """Every conversation has ended."""
        await asyncio.gather(*self._conversations, return_exceptions=True)

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for conversation in list(self._conversations):
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._conversations.add(task)
        try:
            if self._dice.random() < 0.9:
                await reader.read(65536)
            await self._answer(writer)
        except (OSError, RuntimeError, asyncio.CancelledError):  # the agent hung up, or the test is over
            pass
        finally:
            self._conversations.discard(task)
            writer.transport.abort()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        data = self._dice.choice(KINDS)(self._dice)
        pieces = self._dice.choice((1, 1, 1, 2, 7))
        size = len(data) // pieces + 1
        for start in range(0, len(data), size):
            writer.write(data[start : start + size])
            await writer.drain()
            if pieces > 1:
                await asyncio.sleep(0.001)
        match self._dice.randrange(10):
            case 0:
                await asyncio.sleep(TIMEOUT_S + 0.2)
            case 1:
                raw: socket.socket | None = writer.get_extra_info("socket")
                if raw is not None:
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            case 2:
                for _ in range(200):
                    writer.write(b"x" * 65_536)
                    await writer.drain()
            case _:
                await asyncio.sleep(0.005)


def check(number: int, url: str) -> Check:
    drift = Drift() if number % 5 == 0 else None
    target = HttpTarget(url, body_contains=("", "bread")[number % 2], ip_family=(0, 4)[number % 3 == 0], drift=drift)
    return Check(number, 1, "sites/s/checks/http", ("r",), 30_000_000, int(TIMEOUT_S * 1e6), 2, 500_000, target)


async def attack(responses: int) -> dict[str, object]:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(server_side)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    outcomes: Counter[str] = Counter()
    process = psutil.Process()
    descriptors = process.num_fds()
    server = HostileServer(SEED)
    plain, secure = await server.listen(None), await server.listen(server_side)
    urls = (f"http://127.0.0.1:{plain}/", f"https://127.0.0.1:{secure}/", f"https://127.0.0.1:{plain}/")
    resolver = Resolver()
    checker = Checker(Surroundings(resolver, trust, (ip_network("127.0.0.0/8"),)), "Quivive/test")
    numbers = iter(range(1, responses + 1))

    async def attempts(last: int) -> None:
        for number in numbers:
            started = time.monotonic()
            result: Result = await checker.attempt(check(number, urls[number % 3]), 1_000_000, 0)
            took_s = time.monotonic() - started
            assert took_s < TIMEOUT_S + LATE_S, (number, took_s, result)
            assert result.outcome in (Outcome.UP, Outcome.DOWN, Outcome.BLOCKED), (number, result)
            outcomes[result.cause.name] += 1
            if number >= last:
                return

    idle_mib = []
    for last in (responses // 2, responses):
        await asyncio.gather(*(attempts(last) for _ in range(AT_A_TIME)))
        await server.rest()
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # what the allocator merely keeps is no leak
        idle_mib.append(process.memory_info().rss / 2**20)
    await resolver.close()
    await server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    tasks = len((await asyncio.wait(others, timeout=5))[1]) if others else 0
    deadline = time.monotonic() + 5
    # The loop closes what was aborted when it can, and tells nobody.
    while process.num_fds() > descriptors and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    return {
        "outcomes": outcomes,
        "idle_mib": idle_mib,
        "tasks": tasks,
        "descriptors": process.num_fds() - descriptors,
    }


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(attack(int(sys.argv[1])))))
