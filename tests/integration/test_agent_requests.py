"""What an agent says to a site: method, body, who it is, and a query that no cache has seen."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest

from probe_agent.checkers import Checkers
from probe_agent.checks import Check
from probe_agent.connect import Surroundings
from probe_agent.resolve import Resolver
from probe_agent.results import Result
from probe_agent.targets import Drift, HttpAuth, HttpTarget
from quivive.domain.pages import PageBaseline
from quivive.domain.words import Cause, Outcome

PAGE = b"<html><head><title>Bread</title><script src=//cdn.example/x.js></script></head><body>Fresh bread</body></html>"


@pytest.fixture
async def said() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A site's port, and what was said to it."""
    requests: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        requests.append(head + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(PAGE), PAGE))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], requests
    server.close()


@pytest.fixture
async def checkers() -> AsyncIterator[Checkers]:
    resolver = Resolver()
    yield Checkers(Surroundings(resolver, ssl.create_default_context(), (ip_network("127.0.0.0/8"),)), "Quivive/test")
    await resolver.close()


async def look(checkers: Checkers, target: HttpTarget) -> Result:
    check = Check(7, 1, "sites/s/checks/c", ("a",), 30_000_000, 5_000_000, 2, 500_000, target)
    return await checkers.attempt(check, 1_000_000, 0)


async def test_method_body_and_secret_are_sent(
    checkers: Checkers, said: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, requests = said
    url = f"http://127.0.0.1:{port}/api"
    monkeypatch.setenv("QUIVIVE_SECRET_S", "open sesame")
    auth = HttpAuth("QUIVIVE_SECRET_S", "me")
    assert (await look(checkers, HttpTarget(url, method="POST", body=b"{}", auth=auth))).outcome is Outcome.UP
    assert requests[0].startswith(b"POST /api HTTP/1.1\r\n")
    assert b"basic bwu6b3blbibzzxnhbwu=" in requests[0].lower()
    assert requests[0].endswith(b"\r\n\r\n{}")
    assert (await look(checkers, HttpTarget(url, auth=HttpAuth("QUIVIVE_SECRET_S")))).outcome is Outcome.UP
    assert b": bearer open sesame\r\n" in requests[1].lower()


async def test_an_agent_without_the_secret_did_not_look(checkers: Checkers, said: tuple[int, list[bytes]]) -> None:
    port, requests = said
    result = await look(checkers, HttpTarget(f"http://127.0.0.1:{port}/", auth=HttpAuth("QUIVIVE_SECRET_NONE")))
    assert (result.outcome, result.cause) == (Outcome.PROBE_ERROR, Cause.AGENT_FAULT)
    assert requests == []


async def test_no_two_requests_past_the_caches_are_the_same(checkers: Checkers, said: tuple[int, list[bytes]]) -> None:
    port, requests = said
    for _ in range(2):
        await look(checkers, HttpTarget(f"http://127.0.0.1:{port}/?page=2", uncached=True))
    lines = {request.split(b"\r\n")[0] for request in requests}
    assert len(lines) == 2
    assert all(line.startswith(b"GET /?page=2&quivive=") for line in lines)


async def test_a_page_is_told_of_while_it_is_learned(checkers: Checkers, said: tuple[int, list[bytes]]) -> None:
    target = HttpTarget(f"http://127.0.0.1:{said[0]}/", drift=Drift())
    first, second = await look(checkers, target), await look(checkers, target)
    assert first.page is not None
    assert (first.page.title, first.page.script_hosts) == ("Bread", ("cdn.example",))
    assert second.page is None


async def test_a_page_that_drifted_is_down_where_that_is_an_outage(
    checkers: Checkers, said: tuple[int, list[bytes]]
) -> None:
    known = PageBaseline(("Bread",), script_hosts=frozenset({"old.example"}))
    result = await look(checkers, HttpTarget(f"http://127.0.0.1:{said[0]}/", drift=Drift(outage=True, baseline=known)))
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.CONTENT_DRIFTED)
    assert result.evidence is not None
    assert "cdn.example" in result.evidence.detail
