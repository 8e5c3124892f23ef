"""Mails to a real mail server: who it is, what it refuses for now and for good, and how mails of one outage hang together."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme
from deliveries import delivery, settings
from receivers import HOST, MailSink

from aggregator.notify.channels import Delivery
from aggregator.notify.email import transport
from aggregator.notify.errors import DeliveryError, PermanentFailure, TemporaryFailure

PASSWORD = "correct horse battery staple"
LOGIN = ("quivive", PASSWORD)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority is believed, as the operator's SSL_CERT_FILE."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("QUIVIVE_SECRET_SMTP", PASSWORD)


def server_context(authority: trustme.CA, name: str = HOST) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def sink() -> Iterator[MailSink]:
    running = MailSink()
    yield running
    running.close()


@pytest.fixture
def starttls(authority: trustme.CA) -> Iterator[MailSink]:
    running = MailSink(server_context(authority), login=LOGIN)
    yield running
    running.close()


@pytest.fixture
def implicit(authority: trustme.CA) -> Iterator[MailSink]:
    running = MailSink(server_context(authority), implicit=True, login=LOGIN)
    yield running
    running.close()


def news(kind: str = "incident.confirmed", **fields: Any) -> Delivery:
    return delivery("email", kind, **{"to": ["oncall@agency.example", "boss@agency.example"], **fields})


def own_server(sink: MailSink, security: str, **more: Any) -> dict[str, Any]:
    return {
        "host": HOST,
        "port": sink.port,
        "security": security,
        "user": "quivive",
        "password": "QUIVIVE_SECRET_SMTP",
        **more,
    }


async def send(made: Delivery, url: str | None = None) -> None:
    await transport.Transport(settings(smtp_url=url, mail_from="quivive@agency.example")).send(made)


async def refusal(made: Delivery, url: str | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await send(made, url)
    assert PASSWORD not in str(caught.value)
    return caught.value


async def test_starttls_with_a_verified_certificate(trusted: None, starttls: MailSink) -> None:
    await send(news(server=own_server(starttls, "starttls")))
    (mail,) = starttls.mails
    assert starttls.was_encrypted
    assert mail.recipients == ("oncall@agency.example", "boss@agency.example")


async def test_tls_from_the_first_byte(trusted: None, implicit: MailSink) -> None:
    await send(news(server=own_server(implicit, "tls")))
    assert len(implicit.mails) == 1


async def test_the_common_server_signs_in_over_tls(trusted: None, implicit: MailSink) -> None:
    password = PASSWORD.replace(" ", "%20")
    await send(news(), f"smtps://quivive:{password}@{HOST}:{implicit.port}")
    assert len(implicit.mails) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_that_nobody_vouches_for_gets_no_password(
    security: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("QUIVIVE_SECRET_SMTP", PASSWORD)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    sink: MailSink = request.getfixturevalue("starttls" if security == "starttls" else "implicit")
    error = await refusal(news(server=own_server(sink, security)))
    assert isinstance(error, TemporaryFailure)
    assert "certificate" in str(error).lower()
    assert sink.mails == []


async def test_a_certificate_for_another_name_gets_no_password(trusted: None, authority: trustme.CA) -> None:
    sink = MailSink(server_context(authority, "mail.elsewhere.example"), login=LOGIN)
    try:
        error = await refusal(news(server=own_server(sink, "starttls")))
    finally:
        sink.close()
    assert "certificate" in str(error).lower()


async def test_a_server_without_starttls_is_not_trusted_with_a_mail(trusted: None, sink: MailSink) -> None:
    error = await refusal(news(server=own_server(sink, "starttls")))
    assert isinstance(error, TemporaryFailure)
    assert sink.mails == []


async def test_a_wrong_password_waits_for_the_operator_and_is_not_repeated_in_the_error(
    trusted: None, starttls: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUIVIVE_SECRET_SMTP", "wrong-password-0001")
    error = await refusal(news(server=own_server(starttls, "starttls")))
    assert isinstance(error, TemporaryFailure)
    assert "535" in str(error)
    assert "wrong-password-0001" not in str(error)


async def test_without_its_password_a_mail_waits(starttls: MailSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUIVIVE_SECRET_SMTP", raising=False)
    error = await refusal(news(server=own_server(starttls, "starttls")))
    assert isinstance(error, TemporaryFailure)
    assert str(error) == "the environment variable QUIVIVE_SECRET_SMTP is not set"


async def test_greylisting_is_a_matter_of_time(sink: MailSink) -> None:
    sink.greylists = 1
    assert isinstance(await refusal(news(), sink.url), TemporaryFailure)
    await send(news(), sink.url)
    assert len(sink.mails) == 1


@pytest.mark.parametrize("answer", ["550 5.1.1 no such user", "554 5.7.1 we take this for spam", "552 too large"])
async def test_a_refusal_for_good_is_final(answer: str, sink: MailSink) -> None:
    sink.refuse_with = answer
    error = await refusal(news(), sink.url)
    assert isinstance(error, PermanentFailure)
    assert answer in str(error)


async def test_one_unknown_recipient_keeps_the_others_from_nothing(sink: MailSink) -> None:
    sink.strangers = {"boss@agency.example": "550 5.1.1 no such user"}
    await send(news(), sink.url)
    assert [mail.recipients for mail in sink.mails] == [("oncall@agency.example",)]


async def test_all_unknown_for_good_is_final_and_one_for_now_is_not(sink: MailSink) -> None:
    sink.strangers = {"oncall@agency.example": "550 unknown", "boss@agency.example": "550 unknown"}
    assert isinstance(await refusal(news(), sink.url), PermanentFailure)
    sink.strangers["boss@agency.example"] = "450 mailbox busy"
    assert isinstance(await refusal(news(), sink.url), TemporaryFailure)


async def test_a_stalling_server_is_left(sink: MailSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "TIMEOUT_S", 0.4)
    sink.stalls = True
    assert isinstance(await refusal(news(), sink.url), TemporaryFailure)
    assert sink.mails == []


async def test_nobody_there_is_a_matter_of_time(sink: MailSink) -> None:
    url = sink.url
    sink.close()
    error = await refusal(news(), url)
    assert isinstance(error, TemporaryFailure)


async def test_the_mails_of_an_outage_are_one_thread(sink: MailSink) -> None:
    for kind in ("incident.confirmed", "incident.acknowledged", "incident.escalated", "incident.resolved"):
        await send(news(kind), sink.url)
    first, *others = (mail.message for mail in sink.mails)
    assert {mail["References"] for mail in others} == {mail["In-Reply-To"] for mail in others} == {first["Message-ID"]}
    assert len({mail["Message-ID"] for mail in others}) == 3
    assert first["References"] is None


async def test_the_same_news_sent_twice_is_the_same_mail(sink: MailSink) -> None:
    await send(news(), sink.url)
    await send(news(), sink.url)
    assert len({mail.message["Message-ID"] for mail in sink.mails}) == 1


async def test_two_people_get_a_mail_each_in_their_own_language(sink: MailSink) -> None:
    await send(news(person="alice", contact="alice@agency.example", locale="fr"), sink.url)
    await send(news(person="bob", contact="bob@agency.example", locale="en"), sink.url)
    assert [mail.recipients for mail in sink.mails] == [("alice@agency.example",), ("bob@agency.example",)]
    assert [mail.subject.split(" ")[0] for mail in sink.mails] == ["EN", "DOWN:"]
    assert len({mail.message["Message-ID"] for mail in sink.mails}) == 2
    links = [next(line for line in mail.text.splitlines() if "/acknowledge/" in line) for mail in sink.mails]
    assert len(set(links)) == 2


async def test_a_quiet_drill_goes_up_to_the_last_hop_and_no_further(trusted: None, starttls: MailSink) -> None:
    made = news("drill", server=own_server(starttls, "starttls"))
    quiet = replace(made, payload={**made.payload, "quiet": True})
    await send(quiet)
    assert starttls.mails == []
    assert starttls.rehearsals == 1
    starttls.strangers = {"boss@agency.example": "550 5.1.1 no such user"}
    assert isinstance(await refusal(quiet), PermanentFailure)


async def test_a_test_that_is_asked_for_arrives(sink: MailSink) -> None:
    await send(news("drill", locale="fr"), sink.url)
    assert [mail.subject for mail in sink.mails] == ["TEST : Quivive vous joint ici"]


async def test_a_name_cannot_add_headers(sink: MailSink) -> None:
    made = news()
    nasty = {
        **made.payload,
        "url": "https://x.example\r\nBcc: evil@evil.example/",
        "detail": "a\r\nBcc: evil@evil.example",
    }
    await send(replace(made, payload=nasty), sink.url)
    (mail,) = sink.mails
    assert mail.message["Bcc"] is None
    assert mail.recipients == ("oncall@agency.example", "boss@agency.example")
