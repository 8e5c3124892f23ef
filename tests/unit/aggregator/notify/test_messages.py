"""What people read."""

from dataclasses import replace
from typing import Any

import pytest
from deliveries import INCIDENT, LINK_KEY, delivery, settings

from aggregator.notify.group_messages import compose_delivery
from aggregator.notify.links import ACKNOWLEDGE, Links
from aggregator.notify.messages import compose
from aggregator.notify.texts import WORDS, responsibility_phrase
from aggregator.phrases import LOCALES, cause_phrase
from quivive.domain.words import Cause, Responsibility
from quivive.signing import read_token

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
    assert dict(message.facts)["En panne depuis"] == "1er mars 2026, 10:00:00 UTC+01:00"


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
    assert WORDS["en"].keys() == WORDS["fr"].keys()


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_a_phrase_in_each_language(cause: Cause) -> None:
    assert all(cause_phrase(cause, locale) for locale in LOCALES)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("responsibility", list(Responsibility))
def test_every_responsibility_has_a_phrase_in_each_language(responsibility: Responsibility, locale: str) -> None:
    assert responsibility_phrase(responsibility, locale)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", ["incident.acknowledged", "incident.escalated", "incident.target_near"])
def test_what_happens_in_between_is_told_in_each_language(kind: str, locale: str) -> None:
    payload = {**PAYLOAD, "person_name": "Alice", "respond_by": "2026-03-01T09:30:00Z"}
    message = compose(kind, payload, locale, None)
    assert "boulangerie-martin.example" in message.subject
    assert "{" not in message.subject + message.sentence
    assert ("Alice" in message.sentence) == (kind == "incident.acknowledged")


def test_a_page_says_until_when_it_wants_an_answer() -> None:
    message = compose("incident.confirmed", {**PAYLOAD, "respond_by": "2026-03-01T09:30:00Z"}, "en", None)
    assert dict(message.facts)["Answer by"] == "1 March 2026, 10:30:00 GMT+01:00"
    assert dict(message.facts)["Responsibility"] == "hosting"


def test_votes_and_evidence_are_told_in_the_readers_language() -> None:
    message = compose_delivery(delivery("email", locale="fr"), Links(settings()))
    assert message.votes == (
        ("ap-south", "en ligne (trop ancien pour compter)"),
        ("eu-west", "EN PANNE — erreur du serveur"),
        ("us-east", "EN PANNE — erreur du serveur"),
    )
    assert message.evidence[0] == "eu-west 10:00:03: HTTP 503 from 192.0.2.7:443"


def test_a_link_that_acknowledges_is_made_out_to_its_reader() -> None:
    message = compose_delivery(delivery("email", person="alice"), Links(settings()))
    assert message.acknowledge is not None
    token = message.acknowledge.removeprefix("https://status.agency.example/acknowledge/")
    fields = read_token(LINK_KEY.encode(), ACKNOWLEDGE, token, 0)
    assert fields == {"incident": INCIDENT, "channel": "oncall", "person": "alice"}


@pytest.mark.parametrize("kind", ["incident.resolved", "incident.acknowledged", "drill"])
def test_what_needs_no_answer_has_no_such_link(kind: str) -> None:
    assert compose_delivery(delivery("email", kind), Links(settings())).acknowledge is None


def test_without_a_key_there_is_no_such_link() -> None:
    assert compose_delivery(delivery("email"), Links(settings(link_key=None))).acknowledge is None


def test_words_of_our_own_may_be_sent_as_they_are() -> None:
    payload = {"subject": "Certificate expires", "sentence": "In 3 days.", "facts": [["Site", "martin-www"]]}
    message = compose("certificate.expiring", payload, "en", None)
    assert (message.subject, message.facts, message.tone) == ("Certificate expires", (("Site", "martin-www"),), "calm")


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    "kind",
    ["incident.confirmed", "incident.acknowledged", "incident.escalated", "incident.target_near", "incident.resolved"],
)
def test_news_of_a_group_tells_how_many_it_concerns_in_each_language(kind: str, locale: str) -> None:
    made = delivery("email", kind, locale=locale, explained_by="address 192.0.2.7:443")
    others = tuple({**made.payload, "site": f"site-{n}", "url": f"https://site-{n}.example/"} for n in range(4))
    message = compose_delivery(replace(made, others=others), Links(settings()))
    assert "5 " in message.subject
    assert "192.0.2.7" in message.sentence
    assert "{" not in message.subject + message.sentence
    assert len([label for label, _ in message.facts if label.endswith(".example")]) == 5
