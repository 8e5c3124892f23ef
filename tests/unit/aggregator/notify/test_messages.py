"""What people read."""

from typing import Any

import pytest

from aggregator.notify.messages import _WORDS, compose
from aggregator.phrases import LOCALES, cause_phrase
from quivive.domain.words import Cause

PAYLOAD: dict[str, Any] = {
    "incident": "20260301-abcdefgh",
    "site": "martin-www",
    "check": "http",
    "url": "https://boulangerie-martin.example/",
    "customer": "martin",
    "customer_title": "Boulangerie Martin",
    "timezone": "Europe/Paris",
    "cause": int(Cause.TCP_REFUSED),
    "responsibility": 1,
    "detail": "connection refused by 192.0.2.7:443",
    "regions": ["eu-west", "us-east"],
    "simulated": False,
    "start_time": "2026-03-01T09:00:00+00:00",
    "confirm_time": "2026-03-01T09:00:03.5+00:00",
}
RESOLVED = {**PAYLOAD, "resolve_time": "2026-03-01T09:04:10+00:00", "close_reason": "recovered"}


def test_an_outage_is_told_with_its_host_and_cause() -> None:
    message = compose("incident.confirmed", PAYLOAD, "en", None)
    assert message.subject == "DOWN: boulangerie-martin.example — connection refused"
    assert message.is_bad
    assert ("Seen from", "eu-west, us-east") in message.facts


def test_times_are_in_the_customers_zone() -> None:
    facts = dict(compose("incident.confirmed", PAYLOAD, "en", None).facts)
    assert facts["Down since"] == "1 March 2026, 10:00:00 GMT+01:00"


def test_french_is_french_throughout() -> None:
    message = compose("incident.confirmed", PAYLOAD, "fr", None)
    assert message.subject == "EN PANNE : boulangerie-martin.example — connexion refusée"
    assert dict(message.facts)["En panne depuis"] == "1 mars 2026, 10:00:00 UTC+01:00"


def test_the_end_is_told_with_its_length() -> None:
    message = compose("incident.resolved", RESOLVED, "en", None)
    assert message.subject == "UP: boulangerie-martin.example — back after 4 minutes"
    assert not message.is_bad


def test_an_outage_that_nobody_watches_any_more_did_not_recover() -> None:
    message = compose("incident.resolved", {**RESOLVED, "close_reason": "paused"}, "en", None)
    assert message.subject.startswith("CLOSED: ")


def test_simulated_regions_are_named_so() -> None:
    facts = dict(compose("incident.confirmed", {**PAYLOAD, "simulated": True}, "en", None).facts)
    assert facts["Caution"] == "some of these regions share one machine"


def test_a_message_links_to_its_incident() -> None:
    message = compose("incident.confirmed", PAYLOAD, "en", "https://status.example/")
    assert message.link == "https://status.example/incidents/20260301-abcdefgh"


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", ["region.blind", "region.sighted", "data.incomplete", "data.complete"])
def test_the_operator_is_told_in_each_language(kind: str, locale: str) -> None:
    payload = {
        "region": "eu-west",
        "detail": "no agent heard for 15 s",
        "checks": 3,
        "time": "2026-03-01T09:00:00.000Z",
    }
    message = compose(kind, payload, locale, None)
    assert message.subject
    assert "{" not in message.subject + message.sentence


def test_each_language_has_every_text() -> None:
    assert _WORDS["en"].keys() == _WORDS["fr"].keys()


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_a_phrase_in_each_language(cause: Cause) -> None:
    assert all(cause_phrase(cause, locale) for locale in LOCALES)
