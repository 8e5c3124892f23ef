"""TCP and DNS checks against real servers of ours, that answer as badly as they are told to."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_network
from typing import cast

import pytest
import trustme

from probe_agent.checkers import Checkers
from probe_agent.checks import Check
from probe_agent.connect import Surroundings
from probe_agent.resolve import Resolver
from probe_agent.results import Result
from probe_agent.targets import DnsTarget, Target, TcpTarget
from quivive.domain.words import Cause, Outcome

HOST = "127.0.0.1"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[..., Awaitable[int]]
MX, TXT, CNAME, A = 15, 16, 5, 1


def check(target: Target, timeout_us: int = 3_000_000) -> Check:
    return Check(7, 1, "sites/s/checks/c", ("eu-west",), 30_000_000, timeout_us, 2, 500_000, target)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def checkers(authority: trustme.CA) -> AsyncIterator[Checkers]:
    tls = ssl.create_default_context()
    authority.configure_trust(tls)
    resolver = Resolver()
    yield Checkers(Surroundings(resolver, tls, (ip_network("127.0.0.0/8"),)), "Quivive/test")
    await resolver.close()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers: list[asyncio.Server] = []

    async def open_server(handler: Handler, tls: ssl.SSLContext | None = None) -> int:
        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(reader, writer)
            except OSError:  # the agent hung up
                pass
            finally:
                writer.close()

        servers.append(await asyncio.start_server(converse, HOST, 0, ssl=tls))
        port: int = servers[-1].sockets[0].getsockname()[1]
        return port

    yield open_server
    for server in servers:
        server.close()


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ES")
    await writer.drain()
    writer.write(b"MTP\r\n")
    await reader.read(100)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(100))
    await writer.drain()


async def hush(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    return


async def look(checkers: Checkers, target: Target, timeout_us: int = 3_000_000) -> Result:
    return await checkers.attempt(check(target, timeout_us), 1_000_000, 0)


@pytest.mark.parametrize(
    ("handler", "said", "cause", "detail"),
    [
        (greet, {}, None, ""),
        (greet, {"expect": b"ESMTP"}, None, ""),
        (echo, {"send": b"PING", "expect": b"PING"}, None, ""),
        (greet, {"expect": b"250 "}, Cause.TCP_WRONG_ANSWER, "the answer so far lacks '250 '"),
        (echo, {"send": b"PING", "expect": b"PONG"}, Cause.TCP_WRONG_ANSWER, "the answer lacks 'PONG'"),
        (hang_up, {"expect": b"220"}, Cause.TCP_WRONG_ANSWER, "hung up without an answer"),
        (hush, {"expect": b"220"}, Cause.TCP_TIMEOUT, "no answer from"),
    ],
)
async def test_what_a_service_answers(
    checkers: Checkers, serve: Serve, handler: Handler, said: dict[str, bytes], cause: Cause | None, detail: str
) -> None:
    result = await look(checkers, TcpTarget(HOST, await serve(handler), **said), 500_000)
    assert result.cause is (cause or Cause.UNSPECIFIED)
    assert (result.evidence is None) is (cause is None)
    assert detail in (result.evidence.detail if result.evidence else "")


async def test_a_port_that_nobody_listens_on_is_refused(checkers: Checkers, serve: Serve) -> None:
    server = await asyncio.start_server(hush, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    result = await look(checkers, TcpTarget(HOST, port))
    assert result.cause is Cause.TCP_REFUSED


async def test_a_service_behind_tls_is_verified(checkers: Checkers, serve: Serve, authority: trustme.CA) -> None:
    for names, cause in (((HOST,), Cause.UNSPECIFIED), (("other.example",), Cause.TLS_NAME_MISMATCH)):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(tls)
        result = await look(checkers, TcpTarget(HOST, await serve(greet, tls), tls=True, expect=b"220"))
        assert result.cause is cause
    assert result.outcome is Outcome.DOWN
    plain = await look(checkers, TcpTarget(HOST, await serve(greet), tls=True))
    assert plain.cause is Cause.TLS_HANDSHAKE


async def test_an_address_that_may_not_be_a_target_is_refused(checkers: Checkers) -> None:
    result = await look(checkers, TcpTarget("10.0.0.1", 25))
    assert (result.outcome, result.cause) == (Outcome.PROBE_ERROR, Cause.DNS_FORBIDDEN_ADDRESS)


class NameServer(asyncio.DatagramProtocol):
    """Answers every question with `answers` (type, data) under `code`; silent while `code` is None."""

    def __init__(self) -> None:
        self.code: int | None = 0
        self.answers: list[tuple[int, bytes]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.code is None:
            return
        end = 12
        while data[end]:
            end += 1 + data[end]
        answers = b"".join(
            struct.pack("!HHHIH", 0xC00C, kind, 1, 300, len(content)) + content for kind, content in self.answers
        )
        head = data[:2] + struct.pack("!HHHHH", 0x8180 | self.code, 1, len(self.answers), 0, 0)
        self._transport.sendto(head + data[12 : end + 5] + answers, addr)


def name(text: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


@pytest.fixture
async def name_servers() -> AsyncIterator[list[NameServer]]:
    loop = asyncio.get_running_loop()
    opened = [await loop.create_datagram_endpoint(NameServer, (HOST, 0)) for _ in range(2)]
    yield [server for _, server in opened]
    for transport, _ in opened:
        transport.close()


def asked(servers: list[NameServer], record: str, *expect: str, exact: bool = False) -> DnsTarget:
    resolvers = tuple(f"{HOST}:{server.port}" for server in servers)
    return DnsTarget("example.com", record, frozenset(expect), exact, resolvers)


@pytest.mark.parametrize(
    ("record", "answers", "expect", "exact", "cause"),
    [
        ("A", [(A, bytes([192, 0, 2, 7]))], ["192.0.2.7"], True, Cause.UNSPECIFIED),
        ("A", [(CNAME, name("w.example.com")), (A, bytes([192, 0, 2, 7]))], [], False, Cause.UNSPECIFIED),
        ("A", [(A, bytes([192, 0, 2, 66]))], ["192.0.2.7"], False, Cause.DNS_WRONG_ANSWER),
        ("MX", [(MX, b"\0\x0a" + name("Mail.example.com"))], ["10 mail.example.com"], False, Cause.UNSPECIFIED),
        (
            "MX",
            [(MX, b"\0\x0a" + name("mail.example.com")), (MX, b"\0\x14" + name("evil.example"))],
            ["10 mail.example.com"],
            True,
            Cause.DNS_WRONG_ANSWER,
        ),
        ("TXT", [(TXT, b"\x0bv=spf1 -all")], ["v=spf1 -all"], False, Cause.UNSPECIFIED),
        ("TXT", [], [], False, Cause.DNS_NO_ADDRESS),
    ],
)
async def test_what_name_servers_answer(
    checkers: Checkers,
    name_servers: list[NameServer],
    record: str,
    answers: list[tuple[int, bytes]],
    expect: list[str],
    exact: bool,
    cause: Cause,
) -> None:
    for server in name_servers:
        server.answers = answers
    result = await look(checkers, asked(name_servers, record, *expect, exact=exact))
    assert result.cause is cause
    assert result.phases.dns > 0


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (3, Cause.DNS_NXDOMAIN),
        (2, Cause.DNS_SERVFAIL),
        (5, Cause.DNS_REFUSED),
        (None, Cause.DNS_TIMEOUT),
    ],
)
async def test_every_name_server_must_answer_well(
    checkers: Checkers, name_servers: list[NameServer], code: int | None, cause: Cause
) -> None:
    good, bad = name_servers
    good.answers, bad.code = [(A, bytes([192, 0, 2, 7]))], code
    result = await look(checkers, asked([good, bad], "A", "192.0.2.7"), 700_000)
    assert (result.outcome, result.cause) == (Outcome.DOWN, cause)
    assert result.evidence is not None
    assert f":{bad.port}" in result.evidence.detail


async def test_a_name_server_that_may_not_be_asked_is_not(checkers: Checkers) -> None:
    result = await look(checkers, DnsTarget("example.com", resolvers=("10.0.0.53",)))
    assert (result.outcome, result.cause) == (Outcome.PROBE_ERROR, Cause.DNS_FORBIDDEN_ADDRESS)
