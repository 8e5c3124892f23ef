"""Looking names up at a real name server of ours, which answers as badly as it is told to."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from ipaddress import ip_address
from typing import cast

import pytest

from probe_agent import resolve
from probe_agent.check import Checker
from probe_agent.checks import Check
from probe_agent.connect import Surroundings
from probe_agent.failures import Failed
from probe_agent.resolve import Resolver
from probe_agent.targets import HttpTarget
from quivive.domain.words import Cause, Outcome

NXDOMAIN, SERVFAIL, REFUSED, NOERROR = 3, 2, 5, 0
TYPES = {4: 1, 6: 28}


class NameServer(asyncio.DatagramProtocol):
    """Answers every question with `addresses` under `code`; silent while `code` is None."""

    def __init__(self) -> None:
        self.code: int | None = NOERROR
        self.addresses: list[str] = []
        self.questions: list[str] = []
        self.nonsense: bytes | None = None
        """Sent instead of an answer."""
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        end, labels = 12, []
        while data[end]:
            labels.append(data[end + 1 : end + 1 + data[end]].decode())
            end += 1 + data[end]
        question, (kind,) = data[12 : end + 5], struct.unpack_from("!H", data, end + 1)
        self.questions.append(".".join(labels).lower())
        if self.code is None or self._transport is None:
            return
        if self.nonsense is not None:
            self._transport.sendto(data[:2] + self.nonsense, addr)
            return
        found = [ip_address(text) for text in self.addresses if TYPES[ip_address(text).version] == kind]
        answers = b"".join(
            struct.pack("!HHHIH", 0xC00C, kind, 1, 300, len(address.packed)) + address.packed for address in found
        )
        flags = 0x8180 | self.code
        head = data[:2] + struct.pack("!HHHHH", flags, 1, len(found), 0, 0)
        self._transport.sendto(head + question + answers, addr)


@pytest.fixture
async def name_server() -> AsyncIterator[NameServer]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(NameServer, ("127.0.0.1", 0))
    yield server
    transport.close()


@pytest.fixture
async def resolver(name_server: NameServer) -> AsyncIterator[Resolver]:
    resolver = Resolver([f"127.0.0.1:{name_server.port}"])
    yield resolver
    await resolver.close()


async def test_both_families_are_found(resolver: Resolver, name_server: NameServer) -> None:
    name_server.addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1"]
    assert set(await resolver.addresses("www.example.com")) == set(name_server.addresses)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (NXDOMAIN, Cause.DNS_NXDOMAIN),
        (SERVFAIL, Cause.DNS_SERVFAIL),
        (REFUSED, Cause.DNS_REFUSED),
        (NOERROR, Cause.DNS_NO_ADDRESS),
    ],
)
async def test_each_way_to_have_no_address_is_told_apart(
    resolver: Resolver, name_server: NameServer, code: int, cause: Cause
) -> None:
    name_server.code = code
    with pytest.raises(Failed) as failed:
        await resolver.addresses("www.example.com")
    assert (failed.value.verdict.outcome, failed.value.verdict.cause) == (Outcome.DOWN, cause)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x81\x80\0\1\0\xff\0\0\0\0\3www\7example\3com\0\0\1\0\1",  # announces 255 answers and has none
        b"\x81\x80\0\1\0\1\0\0\0\0\3www\7example\3com\0\0\1\0\1\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f",  # breaks off in one
    ],
)
async def test_a_broken_answer_is_the_name_servers_failure(
    resolver: Resolver, name_server: NameServer, monkeypatch: pytest.MonkeyPatch, nonsense: bytes
) -> None:
    monkeypatch.setattr(resolve, "TRY_S", 0.1)
    monkeypatch.setattr(resolve, "TRIES", 1)
    name_server.nonsense = nonsense
    with pytest.raises(Failed) as failed:
        await resolver.addresses("www.example.com")
    assert failed.value.verdict.outcome is Outcome.DOWN
    assert failed.value.verdict.cause in (Cause.DNS_SERVFAIL, Cause.DNS_TIMEOUT)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (NXDOMAIN, Cause.DNS_NXDOMAIN),
        (SERVFAIL, Cause.DNS_SERVFAIL),
        (REFUSED, Cause.DNS_REFUSED),
        (NOERROR, Cause.DNS_NO_ADDRESS),
    ],
)
async def test_an_attempt_at_a_page_ends_with_what_the_name_servers_said(
    resolver: Resolver, name_server: NameServer, code: int, cause: Cause
) -> None:
    name_server.code = code
    check = Check(
        7, 1, "sites/s/checks/http", ("r",), 30_000_000, 10_000_000, 2, 500_000, HttpTarget("http://x.example/")
    )
    result = await Checker(Surroundings(resolver, ssl.create_default_context()), "Quivive/test").attempt(check, 0, 0)
    assert (result.outcome, result.cause, result.phases.connect) == (Outcome.DOWN, cause, 0)
    assert result.evidence is not None
    assert "x.example" in result.evidence.detail


async def test_a_silent_name_server_times_out_by_itself(
    resolver: Resolver, name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolve, "TRY_S", 0.1)
    monkeypatch.setattr(resolve, "TRIES", 1)
    name_server.code = None
    with pytest.raises(Failed) as failed:
        await resolver.addresses("www.example.com")
    assert failed.value.verdict.cause is Cause.DNS_TIMEOUT


async def test_the_attempts_deadline_in_a_lookup_is_a_dns_timeout(resolver: Resolver, name_server: NameServer) -> None:
    name_server.code = None
    target = HttpTarget("http://www.example.com/")
    check = Check(7, 1, "sites/s/checks/http", ("r",), 30_000_000, 300_000, 2, 500_000, target)
    checker = Checker(Surroundings(resolver, ssl.create_default_context()), "Quivive/test")
    result = await checker.attempt(check, 0, 0)
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.DNS_TIMEOUT)
    assert result.phases.dns >= 2900
    assert result.phases.connect == 0


async def test_a_resolver_that_is_not_there_is_our_fault() -> None:
    resolver = Resolver(["127.0.0.1:1"])
    with pytest.raises(Failed) as failed:
        await resolver.addresses("www.example.com")
    await resolver.close()
    assert failed.value.verdict.outcome is Outcome.PROBE_ERROR


async def test_no_answer_is_remembered_from_one_attempt_to_the_next(
    resolver: Resolver, name_server: NameServer
) -> None:
    for address in ("192.0.2.1", "192.0.2.2"):
        name_server.addresses = [address]
        assert await resolver.addresses("www.example.com") == [address]


async def test_names_are_absolute(resolver: Resolver, name_server: NameServer) -> None:
    name_server.code = NXDOMAIN
    with pytest.raises(Failed):
        await resolver.addresses("shop")
    assert set(name_server.questions) == {"shop"}


async def test_addresses_are_not_asked_about(resolver: Resolver, name_server: NameServer) -> None:
    assert await resolver.addresses("192.0.2.7") == ["192.0.2.7"]
    assert await resolver.addresses("2001:db8:0::7") == ["2001:db8::7"]
    assert name_server.questions == []


async def test_a_name_that_is_none_does_not_exist(resolver: Resolver) -> None:
    with pytest.raises(Failed) as failed:
        await resolver.addresses("bad..name")
    assert failed.value.verdict.cause is Cause.DNS_NXDOMAIN


async def test_many_lookups_at_once_leave_nothing_behind(resolver: Resolver, name_server: NameServer) -> None:
    name_server.addresses = ["192.0.2.1"]
    await asyncio.gather(*(resolver.addresses(f"site{i}.example.com") for i in range(50)))
    await resolver.close()
    assert len(resolver._lookups) == 0
