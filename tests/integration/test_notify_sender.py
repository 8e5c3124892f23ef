"""The outbox worked off to real receivers: once each, in order, again after failures, never after a refusal."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from declaring import declare, declare_channel, rows
from psycopg.types.json import Jsonb
from publishing import eventually, now_us
from receivers import MailSink, WebhookReceiver
from servers import PostgresServer

from aggregator import database
from aggregator.decide.transitions import IncidentConfirmed, IncidentResolved, Transition
from aggregator.migrate import migrate
from aggregator.notify import channels
from aggregator.notify.sender import Sender
from aggregator.persist import incidents
from aggregator.settings import AggregatorSettings
from quivive.domain.words import Cause, Responsibility

Sending = Callable[..., AbstractAsyncContextManager[Sender]]


@pytest.fixture
def mails() -> Iterator[MailSink]:
    sink = MailSink()
    yield sink
    sink.close()


@pytest.fixture
def posts() -> Iterator[WebhookReceiver]:
    receiver = WebhookReceiver()
    yield receiver
    receiver.close()


@pytest.fixture
def url(migrated_url: str, posts: WebhookReceiver, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HOOK_KEY", "hunter2")
    declare(migrated_url)
    declare_channel(migrated_url, "mail", "email", to=["oncall@agency.example", "boss@agency.example"], locale="fr")
    declare_channel(migrated_url, "hook", "webhook", url=posts.url, secret="HOOK_KEY")
    return migrated_url


@pytest.fixture
def sending(mails: MailSink) -> Sending:
    """A sender at work."""

    @asynccontextmanager
    async def sending(url: str, **more: Any) -> AsyncIterator[Sender]:
        values = {"smtp_url": mails.url, "mail_from": "quivive@agency.example", **more}
        settings = AggregatorSettings(database_url=url, **values)
        stopping = asyncio.Event()
        async with database.pool(url) as pool, channels.open_all(settings) as transports:
            sender = Sender(pool, transports)
            task = asyncio.create_task(sender.run(stopping))
            yield sender
            stopping.set()
            await asyncio.wait_for(task, 10)

    return sending


async def record(url: str, *transitions: Transition) -> None:
    async with await database.connect(url, "test") as connection, connection.transaction():
        await incidents.store(connection, transitions)


def confirmed(incident: str = "i1") -> IncidentConfirmed:
    at = now_us()
    regions = ("eu-west", "us-east")
    return IncidentConfirmed(incident, 101, at - 5, at, Cause.TCP_REFUSED, Responsibility.HOST, regions, "2 of 3")


def resolved(incident: str = "i1") -> IncidentResolved:
    at = now_us()
    return IncidentResolved(incident, 101, at, at, "recovered")


def unsent(url: str) -> list[tuple[Any, ...]]:
    return rows(url, "SELECT channel_id, kind, cancel_reason FROM quivive.outbox WHERE sent_time IS NULL")


async def test_an_outage_is_mailed_and_posted_once(
    url: str, sending: Sending, mails: MailSink, posts: WebhookReceiver
) -> None:
    await record(url, confirmed())
    async with sending(url) as sender:
        await eventually(lambda: not unsent(url), "both sent")
        sender.wake()
        await asyncio.sleep(0)
    (mail,) = mails.mails
    assert mail.recipients == ("oncall@agency.example", "boss@agency.example")
    assert mail.subject == "EN PANNE : site-1.example — connexion refusée"
    assert "Boulangerie Martin" in mail.text
    (post,) = posts.posts
    assert post.content["incident"]["cause"] == "TCP_REFUSED"
    assert post.headers["idempotency-key"] == "incident.confirmed/i1/hook"
    ((page_time,),) = rows(url, "SELECT page_time FROM quivive.incidents")
    assert page_time is not None
    assert rows(url, "SELECT count(*) FROM quivive.incident_events WHERE kind = 'paged'") == [(1,)]


async def test_the_receiver_can_verify_who_posted_what_and_when(
    url: str, sending: Sending, posts: WebhookReceiver
) -> None:
    await record(url, confirmed())
    async with sending(url):
        await eventually(lambda: posts.posts, "a post")
    (post,) = posts.posts
    signed = post.headers["x-quivive-timestamp"].encode() + b"." + post.body
    expected = hmac.new(b"hunter2", signed, hashlib.sha256).hexdigest()
    assert post.headers["x-quivive-signature"] == f"sha256={expected}"


async def test_the_end_follows_the_beginning_in_the_same_thread(url: str, sending: Sending, mails: MailSink) -> None:
    await record(url, confirmed())
    async with sending(url) as sender:
        await eventually(lambda: not unsent(url), "the outage told")
        await record(url, resolved())
        sender.wake()
        await eventually(lambda: len(mails.mails) == 2 and not unsent(url), "its end told")
    first, second = (mail.message for mail in mails.mails)
    assert second["Subject"].startswith("RÉTABLI : site-1.example")
    assert second["In-Reply-To"] == first["Message-ID"]


async def test_a_busy_mail_server_is_tried_again(url: str, sending: Sending, mails: MailSink) -> None:
    mails.refuse_with = "451 later"
    await record(url, confirmed())
    failed = "SELECT attempts FROM quivive.outbox WHERE channel_id = 'mail' AND last_error LIKE '451%'"
    async with sending(url):
        await eventually(lambda: rows(url, failed), "a failure")
        mails.refuse_with = None
        await eventually(lambda: mails.mails, "the mail")
        await eventually(lambda: not unsent(url), "remembered")
    assert len(mails.mails) == 1


async def test_a_mail_that_is_refused_for_good_is_given_up_and_the_incident_says_so(
    url: str, sending: Sending, mails: MailSink
) -> None:
    mails.refuse_with = "550 no such user"
    await record(url, confirmed())
    async with sending(url):
        await eventually(lambda: unsent(url) == [("mail", "incident.confirmed", "given up")], "given up")
    ((detail,),) = rows(url, "SELECT detail FROM quivive.incident_events WHERE kind = 'page_failed'")
    assert detail.startswith("mail: 550 no such user")


async def test_nobody_hears_of_the_end_of_what_he_never_heard_of(url: str, sending: Sending, mails: MailSink) -> None:
    mails.refuse_with = "550 no such user"
    await record(url, confirmed())
    rows(url, "UPDATE quivive.outbox SET claim_time = now() - interval '1 s'")  # a sender died with it in hand
    await record(url, resolved())
    async with sending(url):
        await eventually(lambda: len(unsent(url)) == 2 and all(row[2] for row in unsent(url)), "given up")
    assert {reason for _, _, reason in unsent(url)} == {"given up", "its page was given up"}
    assert mails.mails == []


@pytest.mark.parametrize("status", [500, 503, 408, 425, 429])
async def test_a_receiver_in_trouble_is_tried_again(
    url: str, sending: Sending, posts: WebhookReceiver, status: int
) -> None:
    posts.status = status
    await record(url, confirmed())
    failed = f"SELECT 1 FROM quivive.outbox WHERE channel_id = 'hook' AND last_error LIKE '%{status}'"
    async with sending(url):
        await eventually(lambda: rows(url, failed), "a failure")
        posts.status = 204
        await eventually(lambda: posts.posts, "the post")
        await eventually(lambda: not unsent(url), "remembered")
    assert len(posts.posts) == 1


@pytest.mark.parametrize("status", [301, 400, 404, 410])
async def test_a_receiver_that_refuses_is_left_alone(
    url: str, sending: Sending, posts: WebhookReceiver, status: int
) -> None:
    posts.status = status
    await record(url, confirmed())
    given_up = "SELECT 1 FROM quivive.outbox WHERE channel_id = 'hook' AND cancel_reason = 'given up'"
    async with sending(url):
        await eventually(lambda: rows(url, given_up), "given up")


async def test_an_end_waits_for_its_beginning(
    url: str, sending: Sending, mails: MailSink, posts: WebhookReceiver
) -> None:
    await record(url, confirmed())
    rows(url, "UPDATE quivive.outbox SET claim_time = now() + interval '2 s'")  # another sender is at it
    await record(url, resolved())
    async with sending(url):
        await eventually(lambda: not unsent(url), "everything sent")
    assert [mail.subject.split(" ")[0] for mail in mails.mails] == ["EN", "RÉTABLI"]
    assert [post.content["kind"] for post in posts.posts] == ["incident.confirmed", "incident.resolved"]


async def test_a_page_is_not_sent_before_it_is_due(url: str, sending: Sending, mails: MailSink) -> None:
    await record(url, confirmed())
    rows(url, "UPDATE quivive.outbox SET due_time = now() + interval '1 h' WHERE channel_id = 'mail'")
    async with sending(url):
        await eventually(lambda: len(unsent(url)) == 1, "the webhook")
    assert mails.mails == []


async def test_a_channel_that_was_removed_gets_nothing(url: str, sending: Sending, mails: MailSink) -> None:
    await record(url, confirmed())
    rows(url, "UPDATE quivive.channels SET delete_time = now() WHERE channel_id = 'mail'")
    async with sending(url):
        await eventually(lambda: unsent(url) == [("mail", "incident.confirmed", "given up")], "given up")
    assert mails.mails == []


async def test_without_a_mail_server_mails_wait(url: str, sending: Sending) -> None:
    await record(url, confirmed())
    waiting = "SELECT 1 FROM quivive.outbox WHERE last_error = 'QUIVIVE_SMTP_URL is not set' AND cancel_reason IS NULL"
    async with sending(url, smtp_url=None):
        await eventually(lambda: rows(url, waiting), "a mail that waits")


async def test_two_senders_send_everything_once(
    url: str, sending: Sending, mails: MailSink, posts: WebhookReceiver
) -> None:
    payload = Jsonb({"region": "eu-west", "detail": "silent", "time": "2026-03-01T09:00:00.000Z"})
    insert = (
        "INSERT INTO quivive.outbox (event_key, channel_id, kind, payload, due_time)"
        " SELECT 'region.blind/' || n, c, 'region.blind', %s, now()"
        " FROM generate_series(1, 40) AS n, unnest('{mail,hook}'::text[]) AS c"
    )
    rows(url, insert, payload)
    async with sending(url), sending(url):
        await eventually(lambda: not unsent(url), "everything sent")
    assert len(mails.mails) == len({mail.message["Message-ID"] for mail in mails.mails}) == 40
    assert len(posts.posts) == len({post.headers["idempotency-key"] for post in posts.posts}) == 40


async def test_what_was_sent_while_the_database_died_is_remembered_and_not_sent_again(
    sending: Sending, mails: MailSink, postgres_server: PostgresServer
) -> None:
    url = postgres_server.url
    migrate(url)
    declare(url)
    declare_channel(url, "mail", "email", to=["oncall@agency.example"])
    release = asyncio.Event()
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()

    async def hold(*_: object) -> str:
        """Runs in the mail server's own thread and loop."""
        loop.call_soon_threadsafe(arrived.set)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(release.wait(), loop))
        return "250 go on"

    mails.handle_RCPT = _accept_after(hold)  # type: ignore[attr-defined]
    await record(url, confirmed())
    async with sending(url) as sender:
        await asyncio.wait_for(arrived.wait(), 10)
        await asyncio.to_thread(postgres_server.kill)
        release.set()
        await eventually(lambda: mails.mails, "the mail")
        await asyncio.to_thread(postgres_server.start)
        await eventually(lambda: not unsent(url), "remembered")
        sender.wake()
    assert len(mails.mails) == 1


def _accept_after(hold: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_RCPT(server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        envelope.rcpt_tos.append(address)
        answer: str = await hold()
        return answer

    return handle_RCPT
