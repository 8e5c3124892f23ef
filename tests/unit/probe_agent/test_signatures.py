from collections import Counter

import pytest

from probe_agent.signatures import Signature, load, recognise
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
        ("Brièvement indisponible pour cause de maintenance programmée.", 503, Cause.CONTENT_MAINTENANCE_MODE),
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


def test_an_ordinary_page_is_none_of_them() -> None:
    assert recognise("<title>Boulangerie Martin</title><p>Du pain frais chaque matin. Fermé le lundi.", 200) is None
    assert recognise("", 200) is None
