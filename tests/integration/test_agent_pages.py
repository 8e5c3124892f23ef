"""Pages that stand in for a site, and statuses, each from a real server: what docs/failures.md says of them."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import formatdate
from ipaddress import ip_network

import pytest

from probe_agent import signatures
from probe_agent.check import Checker
from probe_agent.checks import Check
from probe_agent.connect import Surroundings
from probe_agent.resolve import Resolver
from probe_agent.results import Result
from probe_agent.signatures import Signature
from probe_agent.targets import HttpTarget
from quivive.domain.words import Cause, Outcome

Look = Callable[..., Awaitable[Result]]
ENGLISH_AND_FRENCH = [
    ("<h1>Error establishing a database connection</h1>", Cause.CONTENT_DATABASE_ERROR),
    ("<h1>Erreur lors de la connexion à la base de données</h1>", Cause.CONTENT_DATABASE_ERROR),
    ("<h1>Can&#8217;t select database</h1>", Cause.CONTENT_DATABASE_ERROR),
    ("<h1>Impossible de sélectionner la base données</h1>", Cause.CONTENT_DATABASE_ERROR),
    ("<p>There has been a critical error on this website.</p>", Cause.CONTENT_FATAL_ERROR),
    ("<p>Il y a eu une erreur critique sur ce site.</p>", Cause.CONTENT_FATAL_ERROR),
    ("<p>Une erreur critique s&rsquo;est produite sur ce site. Veuillez contacter l’admin", Cause.CONTENT_FATAL_ERROR),
    ("Briefly unavailable for scheduled maintenance. Check back in a minute.", Cause.CONTENT_MAINTENANCE_MODE),
    (
        "Indisponibilité temporaire pour cause de maintenance. Veuillez revenir dans un instant.",
        Cause.CONTENT_MAINTENANCE_MODE,
    ),
    ("<title>WordPress &rsaquo; Installation</title>", Cause.CONTENT_INSTALLER),
    ("<title>WordPress &raquo; Installation</title>", Cause.CONTENT_INSTALLER),
    ("<title>WordPress &rsaquo; Fichier de configuration</title>", Cause.CONTENT_INSTALLER),
    ("<title>Index of /</title>", Cause.CONTENT_DEFAULT_PAGE),
    ("<title>Index de /</title>", Cause.CONTENT_DEFAULT_PAGE),
    ("<p>Vous voyez cette page car il n'y a pas de site Web à cette adresse", Cause.CONTENT_DEFAULT_PAGE),
    ("<h1>This domain is for sale</h1>", Cause.CONTENT_PARKED),
    ("<h1>Ce nom de domaine est à vendre</h1>", Cause.CONTENT_PARKED),
    ("<h1>This domain name has expired</h1>", Cause.CONTENT_PARKED),
    ("<h1>Ce nom de domaine a expiré</h1>", Cause.CONTENT_PARKED),
    ("<title>Account Suspended</title>", Cause.CONTENT_SUSPENDED),
    ("<h1>Ce site a été suspendu</h1>", Cause.CONTENT_SUSPENDED),
]


@pytest.fixture
async def look() -> AsyncIterator[Look]:
    """Looks once at a server that answers with this status, page and headers."""
    resolver, ports = Resolver(), iter(range(1, 1000))
    surroundings = Surroundings(resolver, ssl.create_default_context(), (ip_network("127.0.0.0/8"),))
    checker = Checker(surroundings, "Quivive/test", always_evidence=True)

    async def answer(status: str, body: str = "", *headers: str, **target: object) -> Result:
        content = body.encode()
        lines = [f"HTTP/1.1 {status}", "Content-Type: text/html; charset=utf-8", f"Content-Length: {len(content)}"]
        response = "\r\n".join([*lines, *headers, "", ""]).encode() + content

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(response)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            made = HttpTarget(url, **target)  # type: ignore[arg-type]
            check = Check(next(ports), 1, "sites/s/checks/http", ("r",), 30_000_000, 10_000_000, 2, 500_000, made)
            return await checker.attempt(check, 1_000_000, 0)
        finally:
            server.close()

    yield answer
    await resolver.close()


@pytest.mark.parametrize("signature", signatures.load(), ids=lambda signature: signature.name)
async def test_every_page_that_is_known_is_known_whatever_status_it_comes_with(
    look: Look, signature: Signature
) -> None:
    outcome = Outcome.BLOCKED if signature.cause is Cause.CDN_CHALLENGE else Outcome.DOWN
    for hundred, status in {2: "200 OK", 4: "403 Forbidden", 5: "503 Service Unavailable"}.items():
        if not signature.statuses or hundred in signature.statuses:
            result = await look(status, signature.sample)
            assert (result.outcome, result.cause, result.http_status) == (outcome, signature.cause, int(status[:3]))
            assert result.evidence is not None
            assert result.evidence.detail.startswith(signature.title)


@pytest.mark.parametrize("status", ["200 OK", "500 Internal Server Error"])
@pytest.mark.parametrize(("page", "cause"), ENGLISH_AND_FRENCH)
async def test_pages_are_known_in_english_and_french_on_good_and_on_failing_statuses(
    look: Look, page: str, cause: Cause, status: str
) -> None:
    result = await look(status, f"<!doctype html><html><body>{page}</body></html>")
    assert (result.outcome, result.cause) == (Outcome.DOWN, cause)


async def test_a_post_about_an_error_is_a_good_page(look: Look) -> None:
    post = "<p>“Error establishing a database connection” means that the database is away.</p>" + "<p>Wait.</p>" * 500
    assert (await look("200 OK", post)).outcome is Outcome.UP


@pytest.mark.parametrize(
    ("status", "outcome", "cause"),
    [
        ("400 Bad Request", Outcome.DOWN, Cause.HTTP_STATUS_4XX),
        ("401 Unauthorized", Outcome.DOWN, Cause.HTTP_STATUS_4XX),
        ("404 Not Found", Outcome.DOWN, Cause.HTTP_STATUS_4XX),
        ("410 Gone", Outcome.DOWN, Cause.HTTP_STATUS_4XX),
        ("300 Multiple Choices", Outcome.DOWN, Cause.HTTP_STATUS_UNEXPECTED),
        ("304 Not Modified", Outcome.DOWN, Cause.HTTP_STATUS_UNEXPECTED),
        ("999 Request Denied", Outcome.DOWN, Cause.HTTP_STATUS_UNEXPECTED),
        ("500 Internal Server Error", Outcome.DOWN, Cause.HTTP_STATUS_5XX),
        ("504 Gateway Timeout", Outcome.DOWN, Cause.HTTP_STATUS_5XX),
        ("599 Whatever", Outcome.DOWN, Cause.HTTP_STATUS_5XX),
    ],
)
async def test_every_wrong_status_is_told(look: Look, status: str, outcome: Outcome, cause: Cause) -> None:
    result = await look(status, "" if status.startswith("304") else "<h1>Sorry</h1>")
    assert (result.outcome, result.cause, result.http_status) == (outcome, cause, int(status[:3]))


async def test_a_good_status_that_is_not_the_expected_one_is_wrong(look: Look) -> None:
    result = await look("200 OK", "<h1>Shop</h1>", expect_status=frozenset({204}))
    assert (result.outcome, result.cause) == (Outcome.DOWN, Cause.HTTP_STATUS_UNEXPECTED)


@pytest.mark.parametrize("status", range(520, 531))
async def test_what_a_cdn_says_of_the_site_behind_it_is_no_ordinary_failure(look: Look, status: int) -> None:
    result = await look(f"{status} X", "<title>example.com</title> cloudflare")
    assert (result.outcome, result.cause, result.http_status) == (Outcome.DOWN, Cause.CDN_ORIGIN, status)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        ("403 Forbidden", ("CF-Mitigated: challenge",)),
        ("503 Service Unavailable", ("cf-mitigated: challenge",)),
        ("202 Accepted", ("x-amzn-waf-action: challenge",)),
        ("405 Method Not Allowed", ("x-amzn-waf-action: captcha",)),
    ],
)
async def test_a_firewalls_challenge_is_told_by_its_header(look: Look, status: str, headers: tuple[str, ...]) -> None:
    result = await look(status, "<p>Checking your browser", *headers)
    assert (result.outcome, result.cause) == (Outcome.BLOCKED, Cause.CDN_CHALLENGE)


@pytest.mark.parametrize(
    "retry_after",
    ["120", formatdate(time.time() + 120, usegmt=True), "nonsense", ""],
    ids=["seconds", "date", "nonsense", "nothing"],
)
async def test_a_rate_limit_casts_no_vote_however_it_asks_for_patience(look: Look, retry_after: str) -> None:
    result = await look("429 Too Many Requests", "slow down", *([f"Retry-After: {retry_after}"] if retry_after else []))
    assert (result.outcome, result.cause, result.attempt) == (Outcome.BLOCKED, Cause.RATE_LIMITED, 0)
