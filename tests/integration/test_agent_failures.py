"""Failures that take a special server to provoke; the plain ones are in test_agent_attempt.py. docs/failures.md lists both."""

import asyncio
import gzip
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from probe_agent import connect
from probe_agent.check import Checker
from probe_agent.checks import Check
from probe_agent.connect import Course, Surroundings
from probe_agent.failures import Failed
from probe_agent.http.transport import FreshTransport
from probe_agent.phases import Stopwatch
from probe_agent.resolve import Resolver
from probe_agent.results import Result
from probe_agent.targets import HttpTarget
from quivive.domain.words import Cause, Outcome

HOST = "127.0.0.1"
LOCAL = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
TIMEOUT_US = 700_000

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[..., Awaitable[int]]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def surroundings(authority: trustme.CA) -> AsyncIterator[Surroundings]:
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    resolver = Resolver()
    yield Surroundings(resolver, trust, LOCAL)
    await resolver.close()


@pytest.fixture
def checker(surroundings: Surroundings) -> Checker:
    return Checker(surroundings, "Quivive/test (eu-west)", always_evidence=True)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Opens a server for a handler and returns its port."""
    servers: list[asyncio.Server] = []
    conversations: set[asyncio.Task[None]] = set()

    async def open_server(
        handler: Handler, *, host: str = HOST, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> int:
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

        server = await asyncio.start_server(converse, host, port, ssl=tls)
        servers.append(server)
        number: int = server.sockets[0].getsockname()[1]
        return number

    yield open_server
    for conversation in conversations:
        conversation.cancel()
    for server in servers:
        server.close()


def sending(*pieces: bytes, pause_s: float = 0.0, hold: bool = False) -> Handler:
    """Answers with these pieces; holds the line afterwards, or hangs up."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        if hold:
            await asyncio.Event().wait()

    return handler


def page(body: str | bytes, status: str = "200 OK", *headers: str) -> bytes:
    content = body.encode() if isinstance(body, str) else body
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(content)}",
        "Content-Type: text/html; charset=utf-8",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


def server_side(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def check(target: HttpTarget, id_: int = 7, timeout_us: int = TIMEOUT_US) -> Check:
    return Check(id_, 1, "sites/s/checks/http", ("eu-west",), 30_000_000, timeout_us, 2, 500_000, target)


async def look(checker: Checker, port: int, *, scheme: str = "http", host: str = HOST, **target: object) -> Result:
    made = HttpTarget(f"{scheme}://{host}:{port}/", **target)  # type: ignore[arg-type]
    return await checker.attempt(check(made), 1_000_000, 0)


def detail(result: Result) -> str:
    assert result.evidence is not None
    return result.evidence.detail


# TLS


def issue(
    subject: str, issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None, *, ca: bool, aia: bool = False
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate; self-signed without an issuer; `aia`: it names where its issuer's can be had."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    signer, signing_key = issuer if issuer is not None else (None, key)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(signer.subject if signer is not None else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    )
    if aia:
        place = x509.UniformResourceIdentifier("http://ca.example/intermediate.der")
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    return builder.sign(signing_key, hashes.SHA256()), key


def chain_file(folder: Path, key: ec.EllipticCurvePrivateKey, *certificates: x509.Certificate) -> ssl.SSLContext:
    """A server that sends exactly these."""
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "chain.pem"
    file.write_bytes(private + b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize(
    ("sent", "cause"),
    [("leaf", Cause.TLS_CHAIN_INCOMPLETE), ("chain", Cause.UNSPECIFIED), ("self", Cause.TLS_SELF_SIGNED)],
)
async def test_a_missing_intermediate_is_told_from_an_authority_that_nobody_trusts(
    serve: Serve, tmp_path: Path, sent: str, cause: Cause
) -> None:
    root = issue("Root", None, ca=True)
    between = issue("Intermediate", root, ca=True)
    leaf, key = issue("localhost", between, ca=False, aia=True)
    alone, own_key = issue("localhost", None, ca=False)
    tls = {
        "leaf": lambda: chain_file(tmp_path, key, leaf),
        "chain": lambda: chain_file(tmp_path, key, leaf, between[0]),
        "self": lambda: chain_file(tmp_path, own_key, alone),
    }[sent]()
    trust = ssl.create_default_context(cadata=root[0].public_bytes(serialization.Encoding.PEM).decode())
    resolver = Resolver()
    checker = Checker(Surroundings(resolver, trust, LOCAL), "Quivive/test", always_evidence=True)
    result = await look(checker, await serve(sending(page("hello")), tls=tls), scheme="https", host="localhost")
    await resolver.close()
    assert result.cause is cause
    (sighting,) = result.certificates
    assert sighting.verified is (cause is Cause.UNSPECIFIED)
    assert sighting.certificate.names == ("localhost",)


@contextmanager
def blocking_server(tls: ssl.SSLContext) -> Iterator[int]:
    """Shakes hands as most servers do: unlike asyncio's, it says by an alert why it will not."""
    with socket.create_server((HOST, 0)) as listening:

        def accept() -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError), tls.wrap_socket(connection, server_side=True) as secure:
                secure.recv(65536)

        thread = threading.Thread(target=accept)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)


async def test_no_version_in_common_is_told_from_other_handshakes(
    checker: Checker, surroundings: Surroundings, authority: trustme.CA
) -> None:
    tls = server_side(authority.issue_cert(HOST))
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    surroundings.tls.minimum_version = ssl.TLSVersion.TLSv1_3
    with blocking_server(tls) as port:
        result = await look(checker, port, scheme="https")
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.TLS_PROTOCOL)


async def test_no_cipher_in_common_is_one_of_them(
    checker: Checker, surroundings: Surroundings, authority: trustme.CA
) -> None:
    tls = server_side(authority.issue_cert(HOST))
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    tls.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    surroundings.tls.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    surroundings.tls.maximum_version = ssl.TLSVersion.TLSv1_2
    with blocking_server(tls) as port:
        result = await look(checker, port, scheme="https")
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.TLS_PROTOCOL)


async def test_a_servers_alert_is_told(checker: Checker, serve: Serve) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"\x15\x03\x03\x00\x02\x02\x50")  # fatal: internal error
        await writer.drain()

    result = await look(checker, await serve(handler), scheme="https")
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.TLS_ALERT)
    assert "INTERNAL_ERROR" in detail(result)


async def test_a_refused_certificate_is_shown_with_its_facts(
    checker: Checker, serve: Serve, authority: trustme.CA
) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    leaf = authority.issue_cert(HOST, not_before=past - timedelta(days=9), not_after=past)
    result = await look(checker, await serve(sending(page("x")), tls=server_side(leaf)), scheme="https")
    assert result.cause is Cause.TLS_EXPIRED
    (sighting,) = result.certificates
    assert not sighting.verified
    assert sighting.certificate.names == (HOST,)
    assert sighting.certificate.not_after_us // 1_000_000 == int(past.timestamp())
    assert result.evidence is not None
    assert result.evidence.certificate_expire_us == sighting.certificate.not_after_us


async def test_a_certificate_is_told_of_once_and_again_when_it_changes(
    checker: Checker, serve: Serve, authority: trustme.CA
) -> None:
    tls = server_side(authority.issue_cert(HOST))
    port = await serve(sending(page("hello")), tls=tls)
    first, second = [await look(checker, port, scheme="https") for _ in range(2)]
    (sighting,) = first.certificates
    assert sighting.verified
    assert sighting.certificate.protocol == "TLSv1.3"
    assert sighting.certificate.cipher.startswith("TLS_")
    assert len(sighting.certificate.fingerprint) == 64
    assert second.certificates == ()


# Sessions


def counting(handshakes: list[bool]) -> Handler:
    """Notes of each connection whether its session was resumed."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        handshakes.append(writer.get_extra_info("ssl_object").session_reused)
        writer.write(page("hello"))
        await writer.drain()

    return handler


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_good_servers_session_is_resumed_and_after_a_failure_verified_in_full(
    checker: Checker, serve: Serve, authority: trustme.CA, version: ssl.TLSVersion
) -> None:
    tls = server_side(authority.issue_cert(HOST))
    tls.maximum_version = version
    handshakes: list[bool] = []
    port = await serve(counting(handshakes), tls=tls)
    for excludes in ("", "", "hello", ""):
        result = await look(checker, port, scheme="https", body_excludes=excludes)
        assert result.phases.tls > 0
        assert result.evidence is not None
        assert result.evidence.certificate_expire_us is not None
    assert handshakes == [False, True, True, False]


async def test_a_session_is_not_resumed_once_its_certificate_has_expired(
    checker: Checker, serve: Serve, authority: trustme.CA
) -> None:
    expire = datetime.now(UTC) + timedelta(seconds=3)
    handshakes: list[bool] = []
    port = await serve(counting(handshakes), tls=server_side(authority.issue_cert(HOST, not_after=expire)))
    assert [(await look(checker, port, scheme="https")).outcome for _ in range(2)] == [Outcome.UP, Outcome.UP]
    assert handshakes == [False, True]
    await asyncio.sleep((expire - datetime.now(UTC)).total_seconds() + 1)
    assert (await look(checker, port, scheme="https")).cause is Cause.TLS_EXPIRED


async def test_a_server_that_takes_no_session_back_is_not_asked_again_and_again(
    checker: Checker, surroundings: Surroundings, serve: Serve, authority: trustme.CA
) -> None:
    tls = server_side(authority.issue_cert(HOST))
    tls.num_tickets = 0
    handshakes: list[bool] = []
    port = await serve(counting(handshakes), tls=tls)
    for _ in range(3):
        assert (await look(checker, port, scheme="https")).outcome is Outcome.UP
    assert handshakes == [False] * 3
    assert len(surroundings.sessions) == 1


# Responses


async def test_headers_that_trickle_are_told_from_silence(checker: Checker, serve: Serve) -> None:
    port = await serve(sending(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 100, pause_s=0.05))
    result = await look(checker, port)
    assert (result.cause, result.http_status) == (Cause.HTTP_TIMEOUT, 0)
    assert detail(result) == "no end of the headers within 0.7 s"
    silent = await look(checker, await serve(sending(hold=True)))
    assert (silent.cause, detail(silent)) == (Cause.HTTP_TIMEOUT, "no response within 0.7 s")


async def test_a_body_that_stops_is_told_from_one_that_trickles(checker: Checker, serve: Serve) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    port = await serve(sending(head + b"half", hold=True))
    made = check(HttpTarget(f"http://{HOST}:{port}/"), timeout_us=1_500_000)
    stopped = await checker.attempt(made, 1_000_000, 0)
    assert stopped.cause is Cause.HTTP_BODY_TIMEOUT
    assert detail(stopped).startswith(f"the page stopped after {len(head) + 4} bytes")
    trickling = await look(checker, await serve(sending(head, *[b"x"] * 100, pause_s=0.05)))
    assert trickling.cause is Cause.HTTP_BODY_TIMEOUT
    assert "trickles" in detail(trickling)


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
    ],
)
async def test_headers_without_an_end_are_told(checker: Checker, serve: Serve, response: bytes) -> None:
    result = await look(checker, await serve(sending(response, hold=True)))
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.HTTP_HEADERS_TOO_LARGE)


async def test_a_compressed_body_that_breaks_off_is_truncated_even_where_its_length_is_right(
    checker: Checker, serve: Serve
) -> None:
    body = gzip.compress(b"<p>Boulangerie" * 1000)[:-20]
    result = await look(checker, await serve(sending(page(body, "200 OK", "Content-Encoding: gzip"))))
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.HTTP_TRUNCATED)
    assert "compressed" in detail(result)


async def test_a_bomb_is_read_to_the_cap(checker: Checker, serve: Serve) -> None:
    body = gzip.compress(b"\0" * 200_000_000, 1)
    port = await serve(sending(page(body, "200 OK", "Content-Encoding: gzip")))
    made = check(HttpTarget(f"http://{HOST}:{port}/", body_contains="bread"), timeout_us=20_000_000)
    assert (await checker.attempt(made, 1_000_000, 0)).cause is Cause.CONTENT_MISSING


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
async def test_what_browsers_put_up_with_is_no_failure(checker: Checker, serve: Serve, line_end: bytes) -> None:
    response = line_end.join([b"HTTP/1.1 200", b"Content-Type: text/plain", b"", b"hello"])
    assert (await look(checker, await serve(sending(response)))).outcome is Outcome.UP


async def test_an_interim_response_is_passed_over(checker: Checker, serve: Serve) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    result = await look(checker, await serve(sending(early + page("hello"))), body_contains="hello")
    assert (result.outcome, result.http_status) == (Outcome.UP, 200)


async def test_the_answer_to_head_has_no_body_to_wait_for(checker: Checker, serve: Serve) -> None:
    port = await serve(sending(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", hold=True))
    assert (await look(checker, port, method="HEAD")).outcome is Outcome.UP


# Pages


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("<html><head><title>Shop</title></head><body></body></html>", Cause.CONTENT_EMPTY),
        ("  \n ", Cause.CONTENT_EMPTY),
        ("<!-- nothing --><p>&nbsp;</p>", Cause.CONTENT_EMPTY),
        ("ok", Cause.UNSPECIFIED),
        ("<html><body><script src=/app.js></script></body></html>", Cause.UNSPECIFIED),
        ("<html><body><img src=/x.png></body></html>", Cause.UNSPECIFIED),
    ],
)
async def test_a_page_that_shows_nothing_is_empty(checker: Checker, serve: Serve, body: str, cause: Cause) -> None:
    assert (await look(checker, await serve(sending(page(body))))).cause is cause


async def test_an_empty_answer_that_does_not_say_it_is_a_page_is_good(checker: Checker, serve: Serve) -> None:
    port = await serve(sending(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    assert (await look(checker, port)).outcome is Outcome.UP


@pytest.mark.parametrize(
    ("status", "body", "outcome", "cause"),
    [
        ("200 OK", "<h1>Error establishing a database connection</h1>", Outcome.DOWN, Cause.CONTENT_DATABASE_ERROR),
        (
            "500 X",
            "<h1>Erreur lors de la connexion à la base de données</h1>",
            Outcome.DOWN,
            Cause.CONTENT_DATABASE_ERROR,
        ),
        ("503 X", "Briefly unavailable for scheduled maintenance.", Outcome.DOWN, Cause.CONTENT_MAINTENANCE_MODE),
        ("500 X", "<p>Il y a eu une erreur critique sur ce site.</p>", Outcome.DOWN, Cause.CONTENT_FATAL_ERROR),
        ("200 OK", "<title>Account Suspended</title>", Outcome.DOWN, Cause.CONTENT_SUSPENDED),
        ("522 X", "<title>x | 522: Connection timed out</title> Cloudflare", Outcome.DOWN, Cause.CDN_ORIGIN),
        ("403 X", "<title>Just a moment...</title> cdn-cgi", Outcome.BLOCKED, Cause.CDN_CHALLENGE),
        ("503 X", "<h1>Sorry</h1>", Outcome.DOWN, Cause.HTTP_STATUS_5XX),
    ],
)
async def test_what_a_page_is_known_as_explains_its_failure(
    checker: Checker, serve: Serve, status: str, body: str, outcome: Outcome, cause: Cause
) -> None:
    result = await look(checker, await serve(sending(page(body, status))))
    assert (result.outcome, result.cause) == (outcome, cause)


async def test_a_page_with_the_text_it_should_have_is_good_whatever_else_it_says(
    checker: Checker, serve: Serve
) -> None:
    port = await serve(sending(page("<title>My posts</title>Error establishing a database connection, explained")))
    assert (await look(checker, port, body_contains="My posts")).outcome is Outcome.UP
    assert (await look(checker, port, body_contains="Shop")).cause is Cause.CONTENT_DATABASE_ERROR


async def test_a_rate_limit_is_honoured_without_asking_again(checker: Checker, serve: Serve) -> None:
    asked = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await sending(page("slow down", "429 Too Many Requests", "Retry-After: 60"))(reader, writer)

    port = await serve(handler)
    results = [await look(checker, port) for _ in range(3)]
    assert [(result.outcome, result.cause) for result in results] == [(Outcome.BLOCKED, Cause.RATE_LIMITED)] * 3
    assert [result.attempt for result in results] == [0, -1, -1]
    assert asked == 1
    other = check(HttpTarget(f"http://{HOST}:{port}/"), id_=8)
    await checker.attempt(other, 1_000_000, 0)
    assert asked == 2


# Redirects


async def test_a_redirect_from_https_to_http_is_told(checker: Checker, serve: Serve, authority: trustme.CA) -> None:
    plain = await serve(sending(page("hello")))
    port = await serve(
        sending(page("", "301 Moved", f"Location: http://{HOST}:{plain}/")), tls=server_side(authority.issue_cert(HOST))
    )
    result = await look(checker, port, scheme="https")
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.HTTP_REDIRECT_DOWNGRADE)


async def test_a_long_way_is_told_from_a_circle_and_each_hop_has_its_own_times(checker: Checker, serve: Serve) -> None:
    hops = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal hops
        hops += 1
        await sending(page("", "302 Found", f"Location: /{hops}"))(reader, writer)

    result = await look(checker, await serve(handler))
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.HTTP_TOO_MANY_REDIRECTS)
    assert result.evidence is not None
    assert [hop.status for hop in result.evidence.hops] == [302] * 12
    billed = sum(hop.phases.first_byte for hop in result.evidence.hops)
    assert abs(billed - result.phases.first_byte) <= 1


@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.1/",
        "http://[::ffff:169.254.169.254]/latest",
        "http://[64:ff9b::a9fe:a9fe]/",
        "//169.254.169.254/",
        "http://192.168.1.1:8080/",
    ],
)
async def test_a_redirect_to_a_private_address_is_the_sites_fault(
    checker: Checker, serve: Serve, location: str
) -> None:
    result = await look(checker, await serve(sending(page("", "302 Found", f"Location: {location}"))))
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.HTTP_REDIRECT_FORBIDDEN)


# Addresses


class Names(Resolver):
    """Says what each look-up finds, one answer after the other, as a name server that rebinds does."""

    def __init__(self, *answers: list[str]) -> None:
        super().__init__()
        self.answers = list(answers)

    async def addresses(self, host: str, family: int = 0) -> list[str]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def course() -> Course:
    return Course(Stopwatch(time.monotonic_ns()), asyncio.get_running_loop().time() + 5)


def surroundings_of(names: Resolver) -> Surroundings:
    return Surroundings(names, ssl.create_default_context(), LOCAL)


async def test_an_address_that_does_not_answer_gets_company_after_a_quarter_of_a_second(serve: Serve) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.2", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]  # the queue is full now: nobody answers any more
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.2", port))
        await serve(sending(page("hello")), port=port)
        here, started = course(), time.monotonic()
        stream = await connect.connect(surroundings_of(Names(["127.0.0.2", HOST])), here, "www.example.com", port)
        stream.abort()
        for filler in fillers:
            filler.close()
    assert here.address == f"{HOST}:{port}"
    assert connect.STAGGER_S <= time.monotonic() - started < 2


async def test_an_address_that_refuses_is_followed_by_the_next_at_once(serve: Serve) -> None:
    port = await serve(sending(page("hello")))
    here, started = course(), time.monotonic()
    stream = await connect.connect(surroundings_of(Names(["127.0.0.2", "127.0.0.3", HOST])), here, "x.example", port)
    stream.abort()
    assert here.address == f"{HOST}:{port}"
    assert time.monotonic() - started < connect.STAGGER_S


async def test_our_lack_of_a_route_does_not_hide_that_the_site_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as held:
        held.bind((HOST, 0))
        port = held.getsockname()[1]
        names = Names(["2001:db8::1", HOST])
        made = Surroundings(names, ssl.create_default_context(), (*LOCAL, ip_network("2001:db8::/32")))
        with pytest.raises(Failed) as failed:
            await connect.connect(made, course(), "www.example.com", port)
    assert failed.value.verdict.cause is Cause.TCP_REFUSED


async def test_a_name_that_rebinds_to_a_private_address_is_refused_on_the_spot(
    serve: Serve, surroundings: Surroundings
) -> None:
    port = await serve(sending(page("", "302 Found", "Location: /again")))
    names = Names([HOST], ["169.254.169.254"])
    checker = Checker(replace_resolver(surroundings, names), "Quivive/test", always_evidence=True)
    result = await look(checker, port, host="www.example.com")
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.HTTP_REDIRECT_FORBIDDEN)


def replace_resolver(surroundings: Surroundings, names: Resolver) -> Surroundings:
    return Surroundings(names, surroundings.tls, LOCAL)


@pytest.mark.parametrize("family", [4, 6])
async def test_a_family_that_is_asked_for_is_the_only_one(checker: Checker, serve: Serve, family: int) -> None:
    host = {4: HOST, 6: "::1"}[family]
    try:
        port = await serve(sending(page("hello")), host=host)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    result = await look(checker, port, host="localhost", ip_family=family)
    assert result.outcome is Outcome.UP
    assert result.evidence is not None
    assert result.evidence.address == connect.with_port(host, port)
    other = await look(checker, port, host=HOST, ip_family=6)
    assert other.cause is Cause.DNS_NO_ADDRESS


# As httpx sees it


async def test_the_transport_is_one_that_httpx_can_use(surroundings: Surroundings, serve: Serve) -> None:
    body = gzip.compress(b"hello" * 1000)
    port = await serve(sending(page(body, "200 OK", "Content-Encoding: gzip", "Set-Cookie: seen=1")))
    transport = FreshTransport(surroundings, course())
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        response = await client.post(f"http://{HOST}:{port}/form", data={"a": "b"})
        assert response.text == "hello" * 1000
        assert response.cookies["seen"] == "1"
        with pytest.raises(Failed) as failed:
            await client.get(f"http://{HOST}:1/")
    assert failed.value.verdict.cause is Cause.TCP_REFUSED


async def test_httpx_follows_redirects_over_it(surroundings: Surroundings, serve: Serve) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0)
        writer.write(page("there") if b"GET /there " in request else page("", "302 Found", "Location: /there"))
        await writer.drain()

    port = await serve(handler)
    transport = FreshTransport(surroundings, course())
    async with httpx.AsyncClient(transport=transport, follow_redirects=True, trust_env=False) as client:
        assert (await client.get(f"http://{HOST}:{port}/")).text == "there"


async def test_no_descriptor_is_left_open_by_races_and_refusals(serve: Serve) -> None:
    port = await serve(sending(page("hello")))
    surroundings = surroundings_of(Names(["127.0.0.2", HOST]))
    checker = Checker(surroundings, "Quivive/test")
    before = open_descriptors()
    target = replace(check(HttpTarget(f"http://www.example.com:{port}/")), timeout_us=10_000_000)
    results = await asyncio.gather(*(checker.attempt(target, 1_000_000, 0) for _ in range(50)))
    assert {result.outcome for result in results} == {Outcome.UP}
    deadline = asyncio.get_running_loop().time() + 5
    while open_descriptors() > before + 5:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
