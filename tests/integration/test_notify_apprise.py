"""The long tail, by the real Apprise library and its `json://` service to a real receiver."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from deliveries import delivery, settings
from receivers import WebhookReceiver

from aggregator.notify.apprise.transport import Transport
from aggregator.notify.channels import Delivery
from aggregator.notify.errors import DeliveryError, PermanentFailure, TemporaryFailure

PASSWORD = "apprise-password-0001"


@pytest.fixture
def posts(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookReceiver]:
    receiver = WebhookReceiver()
    address = receiver.url.removeprefix("http://")
    monkeypatch.setenv("QUIVIVE_SECRET_APPRISE", f"json://user:{PASSWORD}@{address}")
    monkeypatch.setenv("QUIVIVE_SECRET_SMS", f"json://user:{PASSWORD}@{address}/{{contact}}")
    monkeypatch.setenv("QUIVIVE_SECRET_ALICE", f"json://alice:{PASSWORD}@{address}/alice")
    yield receiver
    receiver.close()


async def send(made: Delivery) -> None:
    transport = Transport(settings())
    try:
        await transport.send(made)
    finally:
        await transport.close()


def news(kind: str = "incident.confirmed", **fields: Any) -> Delivery:
    return delivery("apprise", kind, **{"url": "QUIVIVE_SECRET_APPRISE", **fields})


async def failure(made: Delivery) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await send(made)
    assert PASSWORD not in str(caught.value)
    return caught.value


async def test_it_arrives(posts: WebhookReceiver) -> None:
    await send(news(locale="fr"))
    (post,) = posts.posts
    assert post.content["title"].startswith("EN PANNE : www.boulangerie-martin.example")
    assert post.content["type"] == "failure"
    assert "https://status.agency.example/acknowledge/" in post.content["message"]


async def test_a_number_takes_its_place_in_the_address(posts: WebhookReceiver) -> None:
    await send(news(url="QUIVIVE_SECRET_SMS", contact="+33612345678", person="alice"))
    assert [post.path for post in posts.posts] == ["/hook/+33612345678"]


async def test_a_person_may_have_an_address_of_their_own(posts: WebhookReceiver) -> None:
    await send(news(contact="QUIVIVE_SECRET_ALICE", person="alice"))
    assert [post.path for post in posts.posts] == ["/hook/alice"]


async def test_a_person_is_not_told_where_everybody_is(posts: WebhookReceiver) -> None:
    assert isinstance(await failure(news(contact="+33612345678", person="alice")), PermanentFailure)
    assert posts.posts == []


async def test_a_service_in_trouble_is_tried_again_and_nothing_secret_is_written(
    posts: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    posts.status = 503
    error = await failure(news())
    assert isinstance(error, TemporaryFailure)
    assert "503" in str(error)
    assert PASSWORD not in caplog.text


async def test_what_is_no_address_waits_for_the_operator(
    posts: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUIVIVE_SECRET_APPRISE", f"nosuch://{PASSWORD}")
    assert isinstance(await failure(news()), TemporaryFailure)


async def test_a_quiet_drill_is_not_heard(posts: WebhookReceiver) -> None:
    made = news("drill")
    await send(replace(made, payload={**made.payload, "quiet": True}))
    assert posts.posts == []
