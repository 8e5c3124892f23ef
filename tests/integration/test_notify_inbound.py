"""Acknowledging from outside: by a link that asks first, in PagerDuty, and by Slack's button. Nobody else is believed."""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx
import psycopg
import pytest
from declaring import declare, declare_channel, rows
from psycopg.types.json import Jsonb
from starlette.applications import Starlette

from api.database import Database
from api.inbound.link_page import LinkPage
from api.inbound.routes import MAX_BODY, Inbound
from quivive.signing import sign_token

KEY = b"a key that signs links"
SECRET = "whsec-0123456789"
INCIDENT = "20260301-abcdefgh"
EVENT_KEY = f"incident.confirmed/{INCIDENT}"


@pytest.fixture
def url(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """One open incident, told on a channel of each kind, and a person whom each of them knows."""
    monkeypatch.setenv("QUIVIVE_SECRET_INBOUND", SECRET)
    declare(migrated_url)
    declare_channel(
        migrated_url, "pd", "pagerduty", routing_key="QUIVIVE_SECRET_X", webhook_secret="QUIVIVE_SECRET_INBOUND"
    )
    declare_channel(migrated_url, "deaf", "pagerduty", routing_key="QUIVIVE_SECRET_X")
    declare_channel(migrated_url, "slack", "slack", token="QUIVIVE_SECRET_X", signing_secret="QUIVIVE_SECRET_INBOUND")
    with psycopg.connect(migrated_url) as connection:
        connection.execute(
            "INSERT INTO quivive.incidents (incident_id, check_id, site_id, customer_id, start_time, confirm_time, page_time,"
            " cause, responsibility, regions, detail, reason) VALUES (%s, 101, 'site-1', 'martin', now() - interval '1 min',"
            " now() - interval '50 s', now() - interval '49 s', 20, 1, '{eu-west,us-east}',"
            " 'connection <refused> by 192.0.2.7', 'quorum')",
            [INCIDENT],
        )
        for channel in ("pd", "slack"):
            connection.execute(
                "INSERT INTO quivive.outbox (event_key, channel_id, kind, incident_id, payload, due_time, sent_time)"
                " VALUES (%s, %s, 'incident.confirmed', %s, '{}', now(), now())",
                [EVENT_KEY, channel, INCIDENT],
            )
        person = {
            "id": "alice",
            "name": "Alice Martin",
            "locale": "fr",
            "contacts": {"slack": "U0ALICE", "pagerduty": "PALICE"},
        }
        connection.execute("INSERT INTO quivive.people (person_id, declared) VALUES ('alice', %s)", [Jsonb(person)])
    return migrated_url


@pytest.fixture
async def web(url: str) -> AsyncIterator[httpx.AsyncClient]:
    database = Database(url)
    await database.open()
    application = Starlette(routes=[*Inbound(database).routes(), *LinkPage(database, KEY).routes()])
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://quivive.example") as client:
        yield client
    await database.close()


def acknowledged(url: str) -> Any:
    """Who took it on, and how; None while nobody has."""
    found = rows(url, "SELECT detail FROM quivive.incident_events WHERE kind = 'acknowledged'")
    return found[0][0] if found else None


def link(purpose: str = "acknowledge", *, ago_s: int = 0, **fields: str) -> str:
    known = {"incident": INCIDENT, "channel": "mail", **fields}
    return f"/acknowledge/{sign_token(KEY, purpose, known, int(time.time()) + 600 - ago_s)}"


async def test_opening_the_link_only_asks(url: str, web: httpx.AsyncClient) -> None:
    for method in ("GET", "HEAD", "GET"):
        answer = await web.request(method, link(person="alice"))
        assert answer.status_code == 200
    assert "en tant que Alice Martin" in answer.text
    assert "&lt;refused&gt;" in answer.text
    assert acknowledged(url) is None


async def test_the_answer_is_the_persons_who_the_link_was_made_out_to(url: str, web: httpx.AsyncClient) -> None:
    answer = await web.post(link(person="alice"), data={"name": "Mallory"})
    assert answer.status_code == 200
    assert "Alice Martin a pris la panne en charge" in answer.text
    assert acknowledged(url) == "Alice Martin, link"


async def test_the_second_one_learns_who_was_first(url: str, web: httpx.AsyncClient) -> None:
    await web.post(link(person="alice"))
    answer = await web.post(link(), data={"name": "Bob"})
    assert "Alice Martin has taken it on" in answer.text
    assert acknowledged(url) == "Alice Martin, link"


async def test_a_link_for_a_whole_channel_asks_for_a_name(url: str, web: httpx.AsyncClient) -> None:
    page = await web.get(link())
    assert 'name="name"' in page.text
    assert (await web.post(link())).status_code == 400
    assert acknowledged(url) is None
    await web.post(link(), data={"name": "Bob"})
    assert acknowledged(url) == "Bob (by a link of mail), link"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_links_of_other_purposes_others_and_other_times_do_nothing(
    url: str, web: httpx.AsyncClient, method: str
) -> None:
    statuses = []
    forged = sign_token(b"another key", "acknowledge", {"incident": INCIDENT}, int(time.time()) + 600)
    tries = [
        link("sign-in"),
        link(ago_s=700),
        f"/acknowledge/{forged}",
        "/acknowledge/x",
        "/acknowledge/a.b",
        link(incident="nope"),
    ]
    for address in tries:
        answer = await web.request(method, address, data={"name": "Mallory"} if method == "POST" else None)
        statuses.append(answer.status_code)
    assert statuses == [404, 410, 404, 404, 404, 404]
    assert acknowledged(url) is None


async def test_what_is_over_has_nothing_to_take_on(url: str, web: httpx.AsyncClient) -> None:
    rows(url, "UPDATE quivive.incidents SET resolve_time = now()")
    page = await web.get(link(person="alice"))
    assert "terminée" in page.text
    assert "<form" not in page.text
    assert (await web.post(link(person="alice"))).status_code == 200
    assert acknowledged(url) is None


async def test_the_page_tells_nobody_its_address_and_runs_nothing(web: httpx.AsyncClient) -> None:
    headers = (await web.get(link())).headers
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def pagerduty_event(kind: str = "incident.acknowledged", key: str = EVENT_KEY, user: str = "PALICE") -> bytes:
    agent = {"id": user, "type": "user_reference", "summary": "Alice in PagerDuty"}
    data = {"id": "Q1", "type": "incident", "incident_key": key, "status": "acknowledged"}
    return json.dumps({"event": {"id": "01", "event_type": kind, "agent": agent, "data": data}}).encode()


async def from_pagerduty(web: httpx.AsyncClient, body: bytes, *, secret: str = SECRET, channel: str = "pd") -> int:
    seal = "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-PagerDuty-Signature": f"v1=0000,{seal}"}
    return (await web.post(f"/inbound/pagerduty/{channel}", content=body, headers=headers)).status_code


async def test_what_is_acknowledged_in_pagerduty_is_acknowledged_here(url: str, web: httpx.AsyncClient) -> None:
    assert await from_pagerduty(web, pagerduty_event()) == 202
    assert acknowledged(url) == "Alice Martin, PagerDuty"
    assert await from_pagerduty(web, pagerduty_event()) == 202


async def test_somebody_whom_only_pagerduty_knows_has_the_name_that_it_gives(url: str, web: httpx.AsyncClient) -> None:
    await from_pagerduty(web, pagerduty_event(user="P999"))
    assert acknowledged(url) == "Alice in PagerDuty, PagerDuty"


@pytest.mark.parametrize(
    "body",
    [
        pagerduty_event("incident.resolved"),
        pagerduty_event("pagey.ping"),
        pagerduty_event(key="incident.confirmed/other"),
    ],
)
async def test_other_news_of_pagerduty_changes_nothing(url: str, web: httpx.AsyncClient, body: bytes) -> None:
    assert await from_pagerduty(web, body) == 202
    assert acknowledged(url) is None


async def test_nobody_else_speaks_for_pagerduty(url: str, web: httpx.AsyncClient) -> None:
    assert await from_pagerduty(web, pagerduty_event(), secret="guessed") == 401
    for channel in ("deaf", "slack", "nope"):
        assert await from_pagerduty(web, pagerduty_event(), channel=channel) == 401
    assert (await web.post("/inbound/pagerduty/pd", content=pagerduty_event())).status_code == 401
    assert acknowledged(url) is None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"event": 1}', b"\xff", b'{"event": {"event_type": "incident.acknowledged"}}']
)
async def test_what_is_no_event_is_refused(web: httpx.AsyncClient, body: bytes) -> None:
    assert await from_pagerduty(web, body) == 400


async def test_too_much_is_refused_before_it_is_read(web: httpx.AsyncClient) -> None:
    assert await from_pagerduty(web, b"x" * (MAX_BODY + 1)) == 413


def slack_press(action: str = "acknowledge", value: str = INCIDENT, user: str = "U0ALICE") -> bytes:
    payload = {
        "type": "block_actions",
        "user": {"id": user, "username": "alice", "name": "alice"},
        "actions": [{"type": "button", "action_id": action, "value": value}],
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


async def from_slack(web: httpx.AsyncClient, body: bytes, *, secret: str = SECRET, ago_s: int = 0) -> int:
    stamp = str(int(time.time()) - ago_s)
    seal = "v0=" + hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": seal}
    return (await web.post("/inbound/slack/slack", content=body, headers=headers)).status_code


async def test_a_press_on_slacks_button_acknowledges(url: str, web: httpx.AsyncClient) -> None:
    assert await from_slack(web, slack_press()) == 200
    assert acknowledged(url) == "Alice Martin, Slack"


async def test_somebody_whom_only_slack_knows_has_the_name_that_it_gives(url: str, web: httpx.AsyncClient) -> None:
    await from_slack(web, slack_press(user="U999"))
    assert acknowledged(url) == "@alice, Slack"


@pytest.mark.parametrize("body", [slack_press("open"), slack_press(value="20260301-untold")])
async def test_other_buttons_and_incidents_that_the_channel_never_heard_of_change_nothing(
    url: str, web: httpx.AsyncClient, body: bytes
) -> None:
    assert await from_slack(web, body) == 200
    assert acknowledged(url) is None


async def test_nobody_else_speaks_for_slack_nor_slack_of_yesterday(url: str, web: httpx.AsyncClient) -> None:
    assert await from_slack(web, slack_press(), secret="guessed") == 401
    assert await from_slack(web, slack_press(), ago_s=400) == 401
    assert await from_slack(web, slack_press(), ago_s=-400) == 401
    assert acknowledged(url) is None


@pytest.mark.parametrize(
    "body", [b"", b"payload=", b"payload=[]", b"payload=%7B%7D", b"\xff\xfe", b"payload=" + b"[" * 50_000]
)
async def test_what_is_no_interaction_is_refused(web: httpx.AsyncClient, body: bytes) -> None:
    assert await from_slack(web, body) == 400
