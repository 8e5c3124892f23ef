"""Attempts against real servers of ours that are faulty in every way a site can be."""

import asyncio
import gzip
import hashlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme

from probe_agent.check import Checker
from probe_agent.checks import Check
from probe_agent.connect import Surroundings
from probe_agent.expectations import MAX_CHARACTERS
from probe_agent.http.visit import MAX_REDIRECTS
from probe_agent.resolve import Resolver
from probe_agent.results import Result
from probe_agent.targets import HttpTarget
from probe_agent.trust import load_trust
from quivive.domain.words import Cause, Outcome

HOST = "127.0.0.1"
LOCAL = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
TIMEOUT_US = 700_000

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[..., Awaitable[int]]


def check(target: HttpTarget, timeout_us: int = TIMEOUT_US) -> Check:
    return Check(
        id=7,
        revision=1,
        name="sites/s/checks/http",
        regions=("eu-west",),
        interval_us=30_000_000,
        timeout_us=timeout_us,
        down_attempts=2,
        attempt_gap_us=500_000,
        target=target,
    )


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    return load_trust()


@pytest.fixture
async def checker(tls: ssl.SSLContext) -> AsyncIterator[Checker]:
    resolver = Resolver()
    yield Checker(Surroundings(resolver, tls, LOCAL), "Quivive/test (eu-west)")
    await resolver.close()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Opens a server for a handler and returns its port."""
    servers: list[asyncio.Server] = []
    conversations: set[asyncio.Task[None]] = set()

    async def open_server(handler: Handler, *, host: str = HOST, tls: ssl.SSLContext | None = None) -> int:
        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            conversations.add(task)
            try:
                await handler(reader, writer)
            except (OSError, asyncio.IncompleteReadError):  # the agent hung up
                pass
            finally:
                conversations.discard(task)
                writer.close()

        server = await asyncio.start_server(converse, host, 0, ssl=tls)
        servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    yield open_server
    for conversation in conversations:
        conversation.cancel()
    for server in servers:
        server.close()


def answering(response: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        await writer.drain()

    return handler


def page(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: text/html; charset=utf-8", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def look(checker: Checker, port: int, *, scheme: str = "http", path: str = "/", **target: object) -> Result:
    url = f"{scheme}://{HOST}:{port}{path}"
    result = await checker.attempt(check(HttpTarget(url, **target)), 1_000_000, 0)  # type: ignore[arg-type]
    assert (result.check, result.revision, result.slot_us) == (7, 1, 1_000_000)
    return result


def duration_s(result: Result) -> float:
    return float(sum(astuple(result.phases))) / 10_000


# Good sites


async def test_a_good_page_is_up_without_evidence(checker: Checker, serve: Serve) -> None:
    result = await look(checker, await serve(answering(page(b"hello"))))
    assert (result.outcome, result.cause, result.http_status) == (Outcome.UP, Cause.UNSPECIFIED, 200)
    assert result.evidence is None
    assert result.attempt == 0
    assert abs(result.end_us - time.time() * 1e6) < 1e6


async def test_every_attempt_comes_on_a_connection_of_its_own_and_says_who_looks(
    checker: Checker, serve: Serve
) -> None:
    seen: list[tuple[int, bytes]] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((writer.get_extra_info("peername")[1], await reader.readuntil(b"\r\n\r\n")))
        writer.write(page(b"hello"))
        await writer.drain()

    port = await serve(handler)
    for _ in range(2):
        await look(checker, port, headers=(("X-Check", "yes"), ("accept", "text/html")))
    assert seen[0][0] != seen[1][0]
    lines = seen[0][1].decode().split("\r\n")
    assert lines[0] == "GET / HTTP/1.1"
    assert {"User-Agent: Quivive/test (eu-west)", "X-Check: yes", f"Host: {HOST}:{port}"} <= set(lines)
    assert [line.lower() for line in lines if line.lower().startswith("accept:")] == ["accept: text/html"]


async def test_phases_are_billed_to_who_took_the_time(checker: Checker, serve: Serve) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.1)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
        await writer.drain()
        await asyncio.sleep(0.2)
        writer.write(b"llo")
        await writer.drain()

    started = time.monotonic()
    result = await look(checker, await serve(handler))
    taken_s = time.monotonic() - started
    assert result.outcome is Outcome.UP
    assert result.phases.first_byte >= 950
    assert result.phases.transfer >= 1950
    assert result.phases.tls == 0
    assert duration_s(result) <= taken_s


async def test_an_https_site_with_a_trusted_certificate_is_up_and_its_handshake_is_timed(
    checker: Checker, serve: Serve, authority: trustme.CA
) -> None:
    port = await serve(answering(page(b"hello")), tls=server_side(authority.issue_cert(HOST)))
    result = await look(checker, port, scheme="https")
    assert result.outcome is Outcome.UP
    assert result.phases.tls > 0


async def test_a_compressed_page_is_unpacked_before_it_is_searched(checker: Checker, serve: Serve) -> None:
    body = gzip.compress(b"<p>Boulangerie" * 1000)
    port = await serve(answering(page(body, "200 OK", "Content-Encoding: gzip")))
    assert (await look(checker, port, body_contains="Boulangerie")).outcome is Outcome.UP


async def test_a_page_is_decoded_as_it_says(checker: Checker, serve: Serve) -> None:
    body = "Crème brûlée".encode("latin-1")
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Length: {len(body)}\r\n\r\n"
    assert (
        await look(checker, await serve(answering(head.encode() + body)), body_contains="brûlée")
    ).outcome is Outcome.UP


# Faulty connections


async def test_a_closed_port_is_refused(checker: Checker) -> None:
    with socket.socket() as held:
        held.bind((HOST, 0))
        port = held.getsockname()[1]
        result = await look(checker, port)
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.TCP_REFUSED)
    assert result.evidence is not None
    assert result.evidence.detail == f"connection refused by {HOST}:{port}"
    assert result.evidence.address == f"{HOST}:{port}"


async def test_a_host_that_swallows_packets_times_out_while_connecting(checker: Checker) -> None:
    with socket.socket() as full:
        full.bind((HOST, 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = []
        for _ in range(4):  # the queue is full now: nobody answers any more
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((HOST, port))
            fillers.append(filler)
        result = await look(checker, port)
        for filler in fillers:
            filler.close()
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.TCP_TIMEOUT)
    assert result.phases.connect >= TIMEOUT_US / 100 * 0.95
    assert duration_s(result) == pytest.approx(TIMEOUT_US / 1e6, abs=0.2)


async def test_a_reset_is_told(checker: Checker, serve: Serve) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        raw: socket.socket = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        writer.transport.abort()

    result = await look(checker, await serve(handler))
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.TCP_RESET)


async def test_hanging_up_without_a_word_is_no_response(checker: Checker, serve: Serve) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    result = await look(checker, await serve(handler))
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.HTTP_NO_RESPONSE)


async def test_a_server_that_never_answers_times_out_at_the_first_byte(checker: Checker, serve: Serve) -> None:
    result = await look(checker, await serve(hang))
    assert (result.outcome, result.cause, result.http_status) == (Outcome.DOWN, Cause.HTTP_TIMEOUT, 0)
    assert result.phases.first_byte >= TIMEOUT_US / 100 * 0.9
    assert duration_s(result) == pytest.approx(TIMEOUT_US / 1e6, abs=0.2)


async def test_a_body_that_trickles_times_out_in_the_transfer(checker: Checker, serve: Serve) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    result = await look(checker, await serve(handler))
    assert (result.outcome, result.cause, result.http_status) == (Outcome.DOWN, Cause.HTTP_BODY_TIMEOUT, 200)
    assert result.evidence is not None
    assert "trickles" in result.evidence.detail
    assert result.phases.transfer >= TIMEOUT_US / 100 * 0.9


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
)
async def test_a_body_that_breaks_off_is_truncated(checker: Checker, serve: Serve, response: bytes) -> None:
    result = await look(checker, await serve(answering(response)))
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.HTTP_TRUNCATED)
    assert result.evidence is not None
    assert result.evidence.body_excerpt == "half"


@pytest.mark.parametrize(
    "response",
    [
        b"220 mail.example.com ESMTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: ftp://example.com/\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_malformed(checker: Checker, serve: Serve, response: bytes) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        await hang(reader, writer)

    result = await look(checker, await serve(handler))
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.HTTP_MALFORMED)


async def test_garbage_is_malformed_even_where_the_server_hangs_up_behind_it(checker: Checker, serve: Serve) -> None:
    result = await look(checker, await serve(answering(b"220 mail.example.com ESMTP\r\n\r\n")))
    assert result.cause is Cause.HTTP_MALFORMED


# TLS


def server_side(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def days(number: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=number)


@pytest.mark.parametrize(
    ("issue", "cause"),
    [
        (lambda ca: ca.issue_cert(HOST, not_before=days(-9), not_after=days(-1)), Cause.TLS_EXPIRED),
        (lambda ca: ca.issue_cert(HOST, not_before=days(1), not_after=days(9)), Cause.TLS_NOT_YET_VALID),
        (lambda ca: ca.issue_cert("www.example.com"), Cause.TLS_NAME_MISMATCH),
        (lambda ca: trustme.CA().issue_cert(HOST), Cause.TLS_UNTRUSTED),
        (lambda ca: ca.create_child_ca().issue_cert(HOST), Cause.UNSPECIFIED),
    ],
)
async def test_each_fault_of_a_certificate_is_told_apart(
    checker: Checker,
    serve: Serve,
    authority: trustme.CA,
    issue: Callable[[trustme.CA], trustme.LeafCert],
    cause: Cause,
) -> None:
    port = await serve(answering(page(b"hello")), tls=server_side(issue(authority)))
    result = await look(checker, port, scheme="https")
    assert result.cause == cause
    assert result.outcome is (Outcome.DOWN if cause else Outcome.UP)


async def test_a_server_that_speaks_no_tls_fails_the_handshake(checker: Checker, serve: Serve) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(page(b"hello"))
        await writer.drain()
        await reader.read()

    result = await look(checker, await serve(handler), scheme="https")
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.TLS_HANDSHAKE)


async def test_hanging_up_in_the_handshake_fails_it(checker: Checker, serve: Serve) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)

    result = await look(checker, await serve(handler), scheme="https")
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.TLS_HANDSHAKE)


async def test_a_handshake_that_hangs_times_out_in_tls(checker: Checker, serve: Serve) -> None:
    result = await look(checker, await serve(hang), scheme="https")
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.TLS_TIMEOUT)
    assert result.phases.tls >= TIMEOUT_US / 100 * 0.9


async def test_a_failing_https_site_shows_its_certificate_its_addresses_and_all_of_its_body(
    checker: Checker, serve: Serve, authority: trustme.CA
) -> None:
    expire = days(30).replace(microsecond=0)
    certificate = authority.issue_cert(HOST, not_after=expire)
    body = "défaillance ".encode() * 300
    port = await serve(answering(page(body, "503 Service Unavailable")), tls=server_side(certificate))
    result = await look(checker, port, scheme="https")
    evidence = result.evidence
    assert evidence is not None
    assert evidence.certificate_expire_us == expire.timestamp() * 1e6
    assert evidence.certificate is not None
    assert evidence.certificate.verified
    assert HOST in evidence.certificate.certificate.names
    assert evidence.body_hash == hashlib.sha256(body).hexdigest()
    assert evidence.body_characters == len(body.decode())
    assert len(evidence.body_excerpt) < evidence.body_characters
    named = await checker.attempt(check(HttpTarget(f"https://localhost:{port}/")), 1_000_000, 0)
    assert named.evidence is not None
    assert HOST in named.evidence.resolved


# Answers


async def test_a_failing_answer_is_kept_as_evidence_without_its_cookies(checker: Checker, serve: Serve) -> None:
    body = b"<h1>Sorry</h1>" + b"x" * 2000
    headers = ("Server: nginx", "Set-Cookie: session=secret", "X-Long: " + "y" * 5000)
    port = await serve(answering(page(body, "503 Service Unavailable", *headers)))
    result = await look(checker, port, path="/shop?x=1")
    assert (result.outcome, result.cause, result.http_status) == (Outcome.DOWN, Cause.HTTP_STATUS_5XX, 503)
    evidence = result.evidence
    assert evidence is not None
    assert evidence.detail == "status 503"
    assert evidence.url == f"http://{HOST}:{port}/shop?x=1"
    assert dict(evidence.headers)["server"] == "nginx"
    assert "session=secret" not in str(evidence)
    assert sum(len(name) + len(value) for name, value in evidence.headers) <= 4096
    assert evidence.body_excerpt == body.decode()[:512]


async def test_the_status_stands_even_where_the_body_behind_it_hangs(checker: Checker, serve: Serve) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 100\r\n\r\nbad")
        await hang(reader, writer)

    result = await look(checker, await serve(handler))
    assert (result.cause, result.http_status) == (Cause.HTTP_STATUS_5XX, 502)
    assert result.evidence is not None
    assert result.evidence.body_excerpt == "bad"


async def test_a_rate_limit_is_not_an_outage(checker: Checker, serve: Serve) -> None:
    result = await look(checker, await serve(answering(page(b"slow down", "429 Too Many Requests"))))
    assert (result.outcome, result.cause, result.attempt) == (Outcome.BLOCKED, Cause.RATE_LIMITED, 0)


@pytest.mark.parametrize(
    ("body", "contains", "excludes", "cause"),
    [
        (b"<p>fresh bread", "bread", "hacked", Cause.UNSPECIFIED),
        (b"<p>fresh cake", "bread", "", Cause.CONTENT_MISSING),
        (b"", "bread", "", Cause.CONTENT_EMPTY),
        (b"", "", "", Cause.CONTENT_EMPTY),
        (b"<p>bread, hacked by", "bread", "hacked", Cause.CONTENT_FORBIDDEN),
    ],
)
async def test_the_text_is_compared_with_what_is_expected(
    checker: Checker, serve: Serve, body: bytes, contains: str, excludes: str, cause: Cause
) -> None:
    result = await look(checker, await serve(answering(page(body))), body_contains=contains, body_excludes=excludes)
    assert result.cause == cause


async def test_reading_stops_once_the_text_is_found(checker: Checker, serve: Serve) -> None:
    hung_up = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbread")
        await reader.read()
        hung_up.set()

    result = await look(checker, await serve(handler), body_contains="bread")
    assert result.outcome is Outcome.UP
    assert duration_s(result) < TIMEOUT_US / 1e6 / 2
    async with asyncio.timeout(2):
        await hung_up.wait()


async def test_an_endless_page_is_read_to_a_cap(checker: Checker, serve: Serve) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    port = await serve(handler)
    target = HttpTarget(f"http://{HOST}:{port}/", body_contains="bread")
    result = await checker.attempt(check(target, timeout_us=20_000_000), 1_000_000, 0)
    assert result.cause is Cause.CONTENT_MISSING
    assert MAX_CHARACTERS == 1024 * 1024
    assert duration_s(result) < 10


async def test_slower_than_allowed_is_a_failure(checker: Checker, serve: Serve) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        await answering(page(b"hello"))(reader, writer)

    port = await serve(handler)
    assert (await look(checker, port, max_latency_us=100_000)).cause is Cause.HTTP_TOO_SLOW
    assert (await look(checker, port, max_latency_us=600_000)).outcome is Outcome.UP


# Redirects


async def test_redirects_are_followed_with_their_cookies_and_the_last_answer_counts(
    checker: Checker, serve: Serve
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if b"seen=1" in request.replace(b"Cookie: ", b"cookie: "):
            writer.write(page(b"welcome"))
        else:
            writer.write(page(b"", "302 Found", "Location: /", "Set-Cookie: seen=1"))
        await writer.drain()

    port = await serve(handler)
    for _ in range(2):  # nothing is remembered from one attempt to the next
        result = await look(checker, port, body_contains="welcome")
        assert (result.outcome, result.http_status) == (Outcome.UP, 200)


async def test_a_redirect_loop_ends_after_ten_hops(checker: Checker, serve: Serve) -> None:
    requests = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += 1
        await answering(page(b"", "301 Moved Permanently", "Location: /again"))(reader, writer)

    result = await look(checker, await serve(handler))
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.HTTP_REDIRECT_LOOP)
    assert requests == MAX_REDIRECTS + 1


async def test_a_redirect_that_is_expected_is_not_followed(checker: Checker, serve: Serve) -> None:
    port = await serve(answering(page(b"", "301 Moved Permanently", "Location: http://192.0.2.1/")))
    result = await look(checker, port, expect_status=frozenset({301}))
    assert (result.outcome, result.http_status) == (Outcome.UP, 301)


async def test_declared_headers_are_not_carried_to_a_stranger(checker: Checker, serve: Serve) -> None:
    seen: list[bytes] = []

    async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(page(b"hello"))

    stranger = await serve(record)
    port = await serve(answering(page(b"", "302 Found", f"Location: http://localhost:{stranger}/")))
    result = await look(checker, port, headers=(("X-Secret", "token"),))
    assert result.outcome is Outcome.UP
    assert b"token" not in seen[0]


# Where it may look


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/", "http://localhost:{}/", "http://[::ffff:127.0.0.1]:{}/"])
async def test_local_targets_are_refused_unless_they_are_allowed(tls: ssl.SSLContext, serve: Serve, url: str) -> None:
    port = await serve(answering(page(b"hello")))
    resolver = Resolver()
    strict = Checker(Surroundings(resolver, tls), "Quivive/test (eu-west)")
    result = await strict.attempt(check(HttpTarget(url.format(port))), 1_000_000, 0)
    await resolver.close()
    assert (result.outcome, result.cause) == (Outcome.PROBE_ERROR, Cause.DNS_FORBIDDEN_ADDRESS)
    assert result.attempt == -1


async def test_a_redirect_to_a_forbidden_target_is_refused(checker: Checker, serve: Serve) -> None:
    port = await serve(answering(page(b"", "302 Found", "Location: http://169.254.169.254/latest/meta-data")))
    result = await look(checker, port)
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.HTTP_REDIRECT_FORBIDDEN)


async def test_the_next_address_is_tried_where_one_refuses(checker: Checker, serve: Serve) -> None:
    port = await serve(answering(page(b"hello")))  # on 127.0.0.1 only; localhost is ::1, too
    result = await checker.attempt(check(HttpTarget(f"http://localhost:{port}/")), 1_000_000, 0)
    assert result.outcome is Outcome.UP


async def test_the_second_attempt_begins_with_another_address(checker: Checker, serve: Serve) -> None:
    port = await serve(answering(page(b"", "503 Service Unavailable")))
    target = check(HttpTarget(f"http://localhost:{port}/"))
    first = await checker.attempt(target, 1_000_000, 0)
    assert first.evidence is not None
    other = "[::1]" if first.evidence.address.startswith("127") else HOST
    try:
        await serve_on(serve, other, port)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    second = await checker.attempt(target, 1_000_000, 1, avoid=frozenset({first.evidence.address}))
    assert second.evidence is not None
    assert second.evidence.address == f"{other}:{port}"


async def serve_on(serve: Serve, host: str, port: int) -> None:
    """The same fault at another address of the same port."""
    server = await asyncio.start_server(answering(page(b"", "503 Service Unavailable")), host.strip("[]"), port)
    asyncio.get_running_loop().call_later(5, server.close)


async def test_a_fault_of_ours_is_not_blamed_on_the_site(checker: Checker, serve: Serve) -> None:
    port = await serve(answering(page(b"hello")))
    result = await look(checker, port, headers=(("X-Bad", "line\nbreak"),))
    assert (result.outcome, result.cause, result.attempt) == (Outcome.PROBE_ERROR, Cause.AGENT_FAULT, -1)


async def test_hundreds_of_attempts_at_once_leave_nothing_open(checker: Checker, serve: Serve) -> None:
    port = await serve(answering(page(b"hello")))
    target = replace(check(HttpTarget(f"http://{HOST}:{port}/")), timeout_us=20_000_000)
    descriptors = open_descriptors()
    results = await asyncio.gather(*(checker.attempt(target, 1_000_000, 0) for _ in range(200)))
    assert {result.outcome for result in results} == {Outcome.UP}
    deadline = asyncio.get_running_loop().time() + 5
    while open_descriptors() > descriptors + 5:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
