import html
from collections import Counter

import pytest

from probe_agent.signatures import SHORT, Signature, has_at_most, load, recognise
from quivive.domain.words import Cause

ARTICLE = (
    "<!doctype html><title>How to fix WordPress</title><p>%s</p>" + "<p>Then look at the log of the server.</p>" * 600
)


def status_of(signature: Signature) -> int:
    return min(signature.statuses, default=2) * 100


@pytest.mark.parametrize("signature", load(), ids=lambda signature: signature.name)
def test_every_signature_knows_its_sample_and_names_its_source(signature: Signature) -> None:
    assert recognise(signature.sample, status_of(signature)) is signature
    assert "https://" in signature.source
    assert signature.title


def test_names_are_used_once() -> None:
    assert set(Counter(signature.name for signature in load()).values()) == {1}


@pytest.mark.parametrize(
    ("page", "status", "cause"),
    [
        ("<h1>Error establishing a database connection</h1>", 500, Cause.CONTENT_DATABASE_ERROR),
        ("<h1>Error establishing a database connection</h1>", 200, Cause.CONTENT_DATABASE_ERROR),
        ("<h1>Erreur lors de la connexion à la base de données</h1>", 500, Cause.CONTENT_DATABASE_ERROR),
        ("<h1>Erreur lors de la connexion &agrave; la base de donn&eacute;es</h1>", 200, Cause.CONTENT_DATABASE_ERROR),
        ("<p>There has been a critical error on this website.</p>", 500, Cause.CONTENT_FATAL_ERROR),
        ("<p>Il y a eu une erreur critique sur ce site.</p>", 500, Cause.CONTENT_FATAL_ERROR),
        ("Briefly unavailable for scheduled maintenance. Check back in a minute.", 503, Cause.CONTENT_MAINTENANCE_MODE),
        ("Indisponibilité temporaire pour cause de maintenance.", 503, Cause.CONTENT_MAINTENANCE_MODE),
        ("<p>Une erreur critique s&rsquo;est produite sur ce site.</p>", 500, Cause.CONTENT_FATAL_ERROR),
        ("<h1>Impossible de s&eacute;lectionner la base donn&eacute;es</h1>", 200, Cause.CONTENT_DATABASE_ERROR),
        ("<title>WordPress &raquo; Installation</title>", 200, Cause.CONTENT_INSTALLER),
        ("<title>WordPress &rsaquo; Installation</title>", 200, Cause.CONTENT_INSTALLER),
        ("<title>Welcome to nginx!</title>", 200, Cause.CONTENT_DEFAULT_PAGE),
        ("<title>Index of /</title>", 200, Cause.CONTENT_DEFAULT_PAGE),
        ("<h1>This domain is for sale</h1>", 200, Cause.CONTENT_PARKED),
        ("<h1>Ce nom de domaine est à vendre</h1>", 200, Cause.CONTENT_PARKED),
        ("<title>Account Suspended</title>", 200, Cause.CONTENT_SUSPENDED),
        ("<h1>Ce site a été suspendu</h1>", 200, Cause.CONTENT_SUSPENDED),
        ("Error 503 Backend fetch failed", 503, Cause.CDN_ORIGIN),
        ("<title>Just a moment...</title> cdn-cgi", 403, Cause.CDN_CHALLENGE),
    ],
)
def test_pages_that_stand_in_for_a_site_are_known_in_english_and_french(page: str, status: int, cause: Cause) -> None:
    found = recognise(page, status)
    assert found is not None
    assert found.cause is cause


@pytest.mark.parametrize("signature", load(), ids=lambda signature: signature.name)
def test_a_long_article_that_quotes_an_error_is_no_error(signature: Signature) -> None:
    if signature.longest <= 60_000:
        page = ARTICLE % signature.sample + "x" * signature.longest
        assert recognise(page, status_of(signature)) is None


@pytest.mark.parametrize("status", [200, 403, 503])
@pytest.mark.parametrize("signature", load(), ids=lambda signature: signature.name)
def test_a_post_that_merely_mentions_an_error_is_none_of_them(signature: Signature, status: int) -> None:
    """Not on a good page, and on no page as BLOCKED, which would hide that the site is down."""
    mentions = "".join(f"<p>{text}</p>" for text in signature.prose)
    quoted = f"<pre>{html.escape(signature.sample)}</pre>"
    post = "<title>How we repaired a site</title>" + mentions + quoted + "<p>Then we looked at the log.</p>" * 100
    found = recognise(post, status)
    assert found is None or (status != 200 and found.cause is not Cause.CDN_CHALLENGE)


def test_a_critical_error_behind_half_a_page_is_known_by_its_markup() -> None:
    half = "<title>Shop</title>" + "<p>Fresh bread every morning.</p>" * 200
    wordpress = '<body id="error-page"><div class="wp-die-message"><p>Il y a eu une erreur critique sur ce site.</p>'
    php = "<br />\n<b>Fatal error</b>:  Uncaught Error in /index.php:3\n thrown in <b>/index.php</b> on line <b>3</b><br />"
    for end in (wordpress, php):
        found = recognise(half + end, 200)
        assert found is not None
        assert found.cause is Cause.CONTENT_FATAL_ERROR


def test_scripts_that_cdns_put_into_ordinary_pages_make_no_challenge_of_a_failing_one() -> None:
    cloudflare = '<script src="/cdn-cgi/challenge-platform/h/g/scripts/jsd/main.js"></script>'
    imperva = '<script src="/_Incapsula_Resource?SWJIYLWA=5074a744e2e3d891814e9a2dace20bd4"></script>'
    for script in (cloudflare, imperva):
        assert recognise(f"<title>Oops</title><h1>Sorry</h1>{script}", 500) is None
        assert recognise(f"<title>Boulangerie</title><h1>Du pain</h1>{script}", 200) is None


@pytest.mark.parametrize(
    ("text", "is_short"),
    [
        ("", True),
        ("<p>" * 100_000, True),
        ("<" * 1_000_000, True),
        ("<script" * 200_000, True),
        ("<script>" + "x" * SHORT + "</script><p>ok", True),
        ("<!-- " + "x" * SHORT + "--><p>ok", True),
        ("<p>" + "  \n" * SHORT + "ok", True),
        ("<p>ok<b>" + "x" * SHORT, False),
        ("<style>a{}</style>" + "x " * SHORT, False),
    ],
)
def test_only_what_visitors_see_makes_a_page_long(text: str, is_short: bool) -> None:
    assert has_at_most(text, SHORT) is is_short


def test_an_ordinary_page_is_none_of_them() -> None:
    assert recognise("<title>Boulangerie Martin</title><p>Du pain frais chaque matin. Fermé le lundi.", 200) is None
    assert recognise("", 200) is None
