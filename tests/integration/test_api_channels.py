"""Channels as the api shows them, and a test that takes the way that pages take."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from declaring import declare, declare_channel, rows
from receivers import MailSink

from aggregator import database
from aggregator.notify import channels
from aggregator.notify.sender import Sender
from aggregator.settings import AggregatorSettings
from api.channels import NOBODY, read_channels, try_channel
from api.database import Database
from api.errors import NotFound


@pytest.fixture
def mails() -> Iterator[MailSink]:
    sink = MailSink()
    yield sink
    sink.close()


@pytest.fixture
def url(migrated_url: str) -> str:
    declare(migrated_url)
    declare_channel(migrated_url, "mail", "email", to=["oncall@agency.example"], locale="fr")
    declare_channel(migrated_url, "chat", "slack", ["operations"], token="QUIVIVE_SECRET_UNSET", channel="#alerts")
    return migrated_url


@pytest.fixture
async def api(url: str) -> AsyncIterator[Database]:
    opened = Database(url)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def sender(url: str, mails: MailSink) -> AsyncIterator[None]:
    settings = AggregatorSettings(database_url=url, smtp_url=mails.url, mail_from="q@agency.example")
    stopping = asyncio.Event()
    async with database.pool(url) as pool, channels.open_all(settings) as transports:
        task = asyncio.create_task(Sender(pool, transports).run(stopping))
        yield
        stopping.set()
        await asyncio.wait_for(task, 10)


async def test_a_test_arrives_and_is_remembered(api: Database, sender: None, mails: MailSink) -> None:
    tested = await try_channel(api, "mail")
    assert (tested.delivered, tested.reason) == (True, "")
    assert [mail.subject for mail in mails.mails] == ["TEST : Quivive vous joint ici"]
    chat, mail = await read_channels(api)
    assert (mail.channel_id, mail.target, mail.last_test) == ("mail", "oncall@agency.example", tested)
    assert mail.last_sent_time is not None
    assert (chat.target, chat.last_test, chat.last_sent_time) == ("#alerts", None, None)


async def test_a_test_that_fails_says_why_and_is_not_tried_again(url: str, api: Database, sender: None) -> None:
    tested = await try_channel(api, "chat")
    assert not tested.delivered
    assert tested.reason == "the environment variable QUIVIVE_SECRET_UNSET is not set"
    assert rows(url, "SELECT cancel_reason FROM quivive.outbox") == [("a test is tried once",)]
    (chat, _) = await read_channels(api)
    assert chat.last_test == tested
    assert chat.waiting == 0


async def test_a_refusal_is_told_in_the_receivers_words(api: Database, sender: None, mails: MailSink) -> None:
    mails.refuse_with = "550 5.7.1 we do not know you"
    tested = await try_channel(api, "mail")
    assert "we do not know you" in tested.reason


async def test_without_an_aggregator_a_test_says_so(api: Database) -> None:
    assert (await try_channel(api, "mail", within_s=0.5)).reason == NOBODY


async def test_a_channel_that_is_not_there_cannot_be_tested(api: Database) -> None:
    with pytest.raises(NotFound):
        await try_channel(api, "nope")
