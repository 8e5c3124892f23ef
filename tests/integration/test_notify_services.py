"""Every channel that speaks HTTP, against a server that holds each request against the service's published schema."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import pytest
from deliveries import INCIDENT, delivery, settings
from services import GENIE_KEY, NTFY_TOKEN, ROUTING_KEY, SLACK_TOKEN, ZENDESK_AUTHORIZATION, Services, Trouble

from aggregator.notify import http
from aggregator.notify.channels import Delivery
from aggregator.notify.errors import DeliveryError, PermanentFailure, TemporaryFailure

SECRETS = {
    "QUIVIVE_SECRET_PD": ROUTING_KEY,
    "QUIVIVE_SECRET_JIRA": GENIE_KEY,
    "QUIVIVE_SECRET_SLACK": SLACK_TOKEN,
    "QUIVIVE_SECRET_NTFY": NTFY_TOKEN,
    "QUIVIVE_SECRET_ZENDESK": ZENDESK_AUTHORIZATION,
    "QUIVIVE_SECRET_HELPSCOUT": "Bearer helpscout-token-0001",
    "HOOK_KEY": "hunter2hunter2",
}
CHANNELS: dict[str, dict[str, Any]] = {
    "pagerduty": {"routing_key": "QUIVIVE_SECRET_PD"},
    "jira": {"api_key": "QUIVIVE_SECRET_JIRA", "team": "Web"},
    "slack": {"token": "QUIVIVE_SECRET_SLACK", "channel": "C024BE91L", "signing_secret": "QUIVIVE_SECRET_SIGNING"},
    "slack webhook": {"webhook": "QUIVIVE_SECRET_SLACK_URL"},
    "teams": {"webhook": "QUIVIVE_SECRET_TEAMS"},
    "ntfy": {"topic": "oncall", "token": "QUIVIVE_SECRET_NTFY"},
    "webhook": {"secret": "HOOK_KEY", "template": "grafana_irm"},
    "webhook zendesk": {"secret": "HOOK_KEY", "template": "zendesk", "authorization": "QUIVIVE_SECRET_ZENDESK"},
    "webhook helpscout": {
        "secret": "HOOK_KEY",
        "template": "helpscout",
        "authorization": "QUIVIVE_SECRET_HELPSCOUT",
        "mailbox": 12,
        "requester": "alerts@agency.example",
    },
}
KINDS = [
    "incident.confirmed",
    "incident.acknowledged",
    "incident.escalated",
    "incident.target_near",
    "incident.resolved",
]


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    running = Services()
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("QUIVIVE_SECRET_SLACK_URL", f"{running.url}/services/T0001/B0001/XXXXSECRETXXXX")
    monkeypatch.setenv("QUIVIVE_SECRET_TEAMS", f"{running.url}/workflows/abc/triggers/manual?sig=TEAMSSECRET")
    yield running
    running.close()


@asynccontextmanager
async def transport(type_: str, services: Services) -> AsyncIterator[Any]:
    kind = type_.partition(" ")[0]
    url = services.url
    made = import_module(f"aggregator.notify.{kind}.transport").Transport(
        settings(pagerduty_url=url, jira_url=url, slack_url=url)
    )
    yield made
    await made.close()


def news(type_: str, services: Services, kind: str = "incident.confirmed", **fields: Any) -> Delivery:
    """A delivery for the channel of this name in CHANNELS."""
    declared = dict(CHANNELS[type_])
    if type_ == "ntfy":
        declared["server"] = services.url
    if type_.startswith("webhook"):
        paths = {
            "grafana_irm": "/integrations/v1/formatted_webhook/abc/",
            "zendesk": "/api/v2/tickets",
            "helpscout": "/v2/conversations",
        }
        declared["url"] = services.url + paths[declared["template"]]
    return delivery(type_.partition(" ")[0], kind, **declared, **fields)


async def failure(type_: str, services: Services, made: Delivery | None = None) -> DeliveryError:
    async with transport(type_, services) as sender:
        with pytest.raises(DeliveryError) as caught:
            await sender.send(made or news(type_, services))
    return caught.value


@pytest.mark.parametrize("locale", ["en", "fr"])
@pytest.mark.parametrize("type_", CHANNELS)
async def test_every_kind_of_news_is_what_the_service_takes(type_: str, locale: str, services: Services) -> None:
    async with transport(type_, services) as sender:
        receipt = None
        for kind in KINDS:
            open_incidents = 0 if kind == "incident.resolved" else 1
            made = news(type_, services, kind, receipt=receipt, locale=locale, open_incidents=open_incidents)
            receipt = await sender.send(made) or receipt
    refused = [(call.path, call.document) for call in services.calls if call.status >= 300]
    assert refused == []
    assert services.calls


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("type_", CHANNELS)
async def test_a_drill_passes(type_: str, quiet: bool, services: Services) -> None:
    made = news(type_, services, "drill")
    async with transport(type_, services) as sender:
        await sender.send(delivery_with(made, quiet=quiet))
    statuses = {call.status for call in services.calls}
    # An empty message to Slack's webhook is refused with a word that shows that it is alive; Teams is only greeted.
    assert statuses <= (
        {400} if quiet and type_ == "slack webhook" else {401} if quiet and type_ == "teams" else {200, 201, 202}
    )
    assert all(alert.status in DONE for alert in services.alerts.values())


DONE = ("resolved", "closed", "solved", "ok", "posted", "shown", "changed")


def delivery_with(made: Delivery, **payload: Any) -> Delivery:
    from dataclasses import replace

    return replace(made, payload={**made.payload, **payload})


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        ("pagerduty", ["triggered", "acknowledged", "resolved"]),
        ("jira", ["open", "acked", "closed"]),
        ("webhook", ["alerting", "alerting", "ok"]),
        ("webhook zendesk", ["open", "open", "solved"]),
        ("webhook helpscout", ["active", "active", "closed"]),
    ],
)
async def test_one_outage_is_one_alert_from_its_beginning_to_its_end(
    type_: str, words: list[str], services: Services
) -> None:
    receipt, seen = None, []
    async with transport(type_, services) as sender:
        for kind in ("incident.confirmed", "incident.acknowledged", "incident.resolved"):
            receipt = await sender.send(news(type_, services, kind, receipt=receipt)) or receipt
            (alert,) = services.alerts.values()
            seen.append(alert.status)
    assert seen == words


@pytest.mark.parametrize("type_", ["pagerduty", "jira", "webhook"])
async def test_what_is_sent_twice_is_one_alert(type_: str, services: Services) -> None:
    async with transport(type_, services) as sender:
        await sender.send(news(type_, services))
        await sender.send(news(type_, services))
    assert len(services.alerts) == 1


@pytest.mark.parametrize("type_", ["pagerduty", "jira", "webhook", "webhook zendesk"])
async def test_a_groups_alert_stays_open_while_one_of_its_outages_does(type_: str, services: Services) -> None:
    async with transport(type_, services) as sender:
        receipt = await sender.send(news(type_, services, open_incidents=2))
        await sender.send(news(type_, services, "incident.resolved", open_incidents=1, receipt=receipt))
        (alert,) = services.alerts.values()
        assert alert.status in ("triggered", "open", "alerting")
        await sender.send(news(type_, services, "incident.resolved", open_incidents=0, receipt=receipt))
    assert alert.status in ("resolved", "closed", "ok", "solved")


async def test_slack_changes_its_message_in_place_and_says_so_below_it(services: Services) -> None:
    async with transport("slack", services) as sender:
        receipt = await sender.send(news("slack", services))
        await sender.send(news("slack", services, "incident.resolved", receipt=receipt))
    assert [call.path for call in services.calls] == [
        "/api/chat.postMessage",
        "/api/chat.update",
        "/api/chat.postMessage",
    ]
    first, changed, reply = (call.document for call in services.calls)
    assert changed["attachments"][0]["color"] == "#23844b"
    assert first["attachments"][0]["color"] == "#c62f2f"
    assert reply["thread_ts"] == changed["ts"] == receipt.split(" ")[1]
    (button, _) = first["attachments"][0]["blocks"][-1]["elements"]
    assert (button["action_id"], button["value"]) == ("acknowledge", INCIDENT)


async def test_a_slack_message_that_somebody_deleted_is_posted_anew(services: Services) -> None:
    async with transport("slack", services) as sender:
        receipt = await sender.send(news("slack", services, "incident.resolved", receipt="C024BE91L 1.2"))
    assert receipt is not None
    assert [alert.status for alert in services.alerts.values()] == ["posted"]


async def test_a_person_is_written_to_in_person(services: Services) -> None:
    async with transport("slack", services) as slack, transport("ntfy", services) as ntfy:
        await slack.send(news("slack", services, contact="U0ALICE01", person="alice"))
        await ntfy.send(news("ntfy", services, contact="alice", person="alice"))
    assert [call.document.get("channel") or call.document["topic"] for call in services.calls] == ["U0ALICE01", "alice"]


async def test_what_sites_are_called_mentions_nobody_and_links_nowhere(services: Services) -> None:
    made = delivery_with(news("slack", services), detail="<!channel> <https://evil.example|click> & [x](http://evil)")
    async with transport("slack", services) as slack, transport("teams", services) as teams:
        await slack.send(made)
        await teams.send(delivery_with(news("teams", services), detail="[click](http://evil.example) **x**"))
    to_slack, to_teams = (call.body.decode() for call in services.calls)
    assert "<!channel>" not in to_slack
    assert "&lt;!channel&gt;" in to_slack
    assert "[click](" not in to_teams.replace("\\\\", "\\").replace("\\[", "").replace("\\]", "")


@pytest.mark.parametrize("status", [500, 502, 503, 408, 425, 429, 401, 403])
@pytest.mark.parametrize("type_", CHANNELS)
async def test_a_service_in_trouble_is_tried_again(type_: str, status: int, services: Services) -> None:
    services.trouble = Trouble(status, {"Retry-After": "37"}, '{"error": "busy"}')
    error = await failure(type_, services)
    assert isinstance(error, TemporaryFailure)
    assert error.retry_after_s == 37
    assert str(status) in str(error)


@pytest.mark.parametrize("status", [301, 400, 404, 410, 413, 422])
@pytest.mark.parametrize("type_", CHANNELS)
async def test_a_service_that_refuses_is_left_alone(type_: str, status: int, services: Services) -> None:
    services.trouble = Trouble(status, {"Location": services.url}, "no such thing")
    error = await failure(type_, services)
    assert isinstance(error, PermanentFailure)
    assert "no such thing" in str(error)


@pytest.mark.parametrize("type_", CHANNELS)
async def test_silence_is_not_waited_out(type_: str, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", 0.3)
    services.trouble = Trouble(wait_s=30)
    assert isinstance(await failure(type_, services), TemporaryFailure)


@pytest.mark.parametrize("type_", CHANNELS)
async def test_a_closed_connection_is_tried_again(type_: str, services: Services) -> None:
    services.trouble = Trouble(drops=True)
    assert isinstance(await failure(type_, services), TemporaryFailure)


@pytest.mark.parametrize("type_", CHANNELS)
async def test_a_slow_answer_is_an_answer(type_: str, services: Services) -> None:
    services.trouble = Trouble(status=0, wait_s=0.5, times=1)
    async with transport(type_, services) as sender:
        await sender.send(news(type_, services))
    assert services.calls[0].status < 300


@pytest.mark.parametrize("type_", CHANNELS)
async def test_without_its_secret_a_message_waits(
    type_: str, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*SECRETS, "QUIVIVE_SECRET_SLACK_URL", "QUIVIVE_SECRET_TEAMS"]:
        monkeypatch.delenv(name)
    error = await failure(type_, services)
    assert isinstance(error, TemporaryFailure)
    assert "is not set" in str(error)
    assert services.calls == []


async def test_a_secret_may_lie_in_a_file(services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    file = tmp_path / "key"
    file.write_text(ROUTING_KEY + "\n")
    monkeypatch.delenv("QUIVIVE_SECRET_PD")
    monkeypatch.setenv("QUIVIVE_SECRET_PD_FILE", str(file))
    async with transport("pagerduty", services) as sender:
        await sender.send(news("pagerduty", services))
    assert services.taken("/v2/enqueue")


async def test_only_secrets_for_channels_are_sent_anywhere(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIVIVE_DATABASE_URL", "postgresql://user:password@host/db")
    made = delivery("ntfy", server=services.url, topic="x", token="QUIVIVE_DATABASE_URL")
    error = await failure("ntfy", services, made)
    assert "is not the name of a secret" in str(error)
    assert services.calls == []


@pytest.mark.parametrize("error", ["ratelimited", "invalid_auth", "not_in_channel", "internal_error", "something_new"])
async def test_what_slack_or_the_operator_can_mend_is_tried_again(error: str, services: Services) -> None:
    services.trouble = Trouble(200, {}, f'{{"ok": false, "error": "{error}"}}')
    assert isinstance(await failure("slack", services), TemporaryFailure)


async def test_what_is_wrong_with_our_message_is_not_tried_again(services: Services) -> None:
    services.trouble = Trouble(200, {}, '{"ok": false, "error": "msg_too_long"}')
    assert isinstance(await failure("slack", services), PermanentFailure)


async def test_a_connector_of_teams_that_fails_with_success_has_failed(services: Services) -> None:
    services.trouble = Trouble(
        200, {}, "Webhook message delivery failed with error: Microsoft Teams endpoint returned 429"
    )
    assert isinstance(await failure("teams", services), TemporaryFailure)


def _too_much(services: Services) -> Callable[[str], Delivery]:
    others = tuple(
        {**delivery("x").payload, "url": f"https://site-{n}.example/", "site": f"site-{n}"} for n in range(500)
    )
    return lambda type_: news(type_, services, others=others, explained_by="address 192.0.2.7:443", open_incidents=501)


@pytest.mark.parametrize("type_", CHANNELS)
async def test_a_storm_of_500_sites_is_one_message_that_the_service_takes(type_: str, services: Services) -> None:
    async with transport(type_, services) as sender:
        await sender.send(_too_much(services)(type_))
    (call,) = services.calls
    assert call.status < 300
    assert "501" in call.body.decode()
