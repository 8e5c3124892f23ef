"""A message as an e-mail."""

from dataclasses import replace
from email.message import EmailMessage
from html import unescape

from aggregator.notify.email.mail import compose_mail, message_id
from aggregator.notify.messages import Message

MESSAGE = Message(
    subject="DOWN: a.example — connection refused",
    sentence="https://a.example/?q=<script> is down.",
    facts=(("Customer", "Martin & Cie"),),
    link="https://status.example/incidents/1",
    is_bad=True,
)


def mail(locale: str = "en", answers: str | None = None) -> EmailMessage:
    message = replace(MESSAGE, locale=locale)
    return compose_mail(
        message, sender="q@agency.example", recipients=["a@x", "b@x"], identity="<1@x>", answers=answers
    )


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def test_it_has_plain_text_and_html() -> None:
    message = mail()
    assert message["To"] == "a@x, b@x"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "Customer: Martin & Cie" in part(message, "plain")
    assert "https://status.example/incidents/1" in part(message, "plain")


def test_html_escapes_what_sites_and_customers_are_called() -> None:
    html = part(mail(), "html")
    assert "&lt;script&gt;" in html
    assert "Martin &amp; Cie" in html
    assert "<script>" not in html


def test_plain_text_is_left_as_it_is() -> None:
    assert "?q=<script> is down." in part(mail(), "plain")


def test_french_sets_a_space_before_the_colon() -> None:
    assert "Customer : Martin" in part(mail("fr"), "plain")


def test_the_end_of_an_outage_follows_its_beginning_in_the_thread() -> None:
    assert mail(answers="<0@x>")["References"] == "<0@x>"


def test_the_same_event_has_the_same_id_on_the_same_channel_only() -> None:
    first = message_id("incident.confirmed/1", "oncall", "q@agency.example")
    assert first == message_id("incident.confirmed/1", "oncall", "q@agency.example")
    assert first != message_id("incident.confirmed/1", "other", "q@agency.example")
    assert first.endswith("@agency.example>")


def test_both_parts_say_the_same() -> None:
    message = replace(
        MESSAGE,
        acknowledge="https://status.example/acknowledge/abc",
        votes=(("eu-west", "DOWN"),),
        evidence=("eu-west 09:00:00: refused",),
    )
    composed = compose_mail(message, sender="q@x", recipients=["a@x"], identity="<1@x>", answers=None)
    plain, html = part(composed, "plain"), unescape(part(composed, "html"))
    said = [message.sentence, *message.evidence, message.acknowledge or "", message.link or ""]
    said += [word for pair in (*message.facts, *message.votes) for word in pair]
    assert [words for words in said if words not in plain] == []
    assert [words for words in said if words not in html] == []


def test_a_robot_says_that_it_is_one() -> None:
    assert mail()["Auto-Submitted"] == "auto-generated"
    assert mail()["X-Auto-Response-Suppress"] == "All"


def test_html_loads_nothing_from_anywhere() -> None:
    html = part(mail(), "html")
    assert "<img" not in html
    assert "<link" not in html
    assert "url(" not in html
    assert "prefers-color-scheme: dark" in html
