"""Who is paged for an outage, when, and who hears of its end."""

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from declaring import declare, declare_channel, rows
from publishing import now_us

from aggregator import database
from aggregator.decide.transitions import (
    IncidentConfirmed,
    IncidentReopened,
    IncidentResolved,
    PastIncident,
    Transition,
)
from aggregator.persist import incidents
from quivive.domain.times import to_us
from quivive.domain.words import Cause, Responsibility

CHECK = 101
AT = now_us()
MINUTE = 60_000_000

Record = Callable[..., Coroutine[Any, Any, None]]


@pytest.fixture
def url(migrated_url: str, request: pytest.FixtureRequest) -> str:
    """One site of a customer with the plan that the test names, else Premium."""
    declare(migrated_url, plan=getattr(request, "param", "premium"))
    declare_channel(migrated_url, "mail", "email", ["incidents"], to=["oncall@agency.example"])
    declare_channel(migrated_url, "hook", "webhook", ["incidents"], url="http://127.0.0.1/", secret="KEY")
    declare_channel(migrated_url, "ops", "email", ["operations"], to=["ops@agency.example"])
    return migrated_url


@pytest.fixture
async def record(url: str) -> AsyncIterator[Record]:
    """Record transitions in one transaction."""
    async with await database.connect(url, "test") as connection:

        async def record(*transitions: Transition) -> None:
            async with connection.transaction():
                await incidents.store(connection, transitions)

        yield record


def confirmed(incident: str = "i1", at_us: int = AT, **fields: Any) -> IncidentConfirmed:
    regions = ("eu-west", "us-east")
    return IncidentConfirmed(
        incident, CHECK, at_us - 5, at_us, Cause.TCP_REFUSED, Responsibility.HOST, regions, "2 of 3", **fields
    )


def resolved(at_us: int = AT + MINUTE, incident: str = "i1") -> IncidentResolved:
    return IncidentResolved(incident, CHECK, at_us, at_us, "recovered")


def reopened(at_us: int, incident: str = "i1") -> IncidentReopened:
    return IncidentReopened(incident, CHECK, at_us, "failed again", ("eu-west",))


def outbox(url: str) -> list[tuple[str, str, str | None]]:
    """Channel, kind and why it was cancelled."""
    return rows(url, "SELECT channel_id, kind, cancel_reason FROM quivive.outbox ORDER BY outbox_id")


def due_us(url: str) -> list[int]:
    return [to_us(due) for (due,) in rows(url, "SELECT due_time FROM quivive.outbox ORDER BY outbox_id")]


def sent(url: str, channel: str) -> None:
    rows(url, "UPDATE quivive.outbox SET sent_time = now() WHERE channel_id = %s", channel)


async def test_every_channel_for_incidents_is_paged_at_once_under_premium(url: str, record: Record) -> None:
    await record(confirmed())
    assert sorted(outbox(url)) == [("hook", "incident.confirmed", None), ("mail", "incident.confirmed", None)]
    assert due_us(url) == [AT, AT]


@pytest.mark.parametrize("url", ["basic"], indirect=True)
async def test_a_plan_delays_pages_and_limits_channels(url: str, record: Record) -> None:
    await record(confirmed())
    assert outbox(url) == [("mail", "incident.confirmed", None)]
    assert due_us(url) == [AT + 3 * MINUTE]


async def test_a_flapping_incident_that_has_been_paged_pages_nobody(url: str, record: Record) -> None:
    await record(confirmed(page=False))
    assert outbox(url) == []
    assert rows(url, "SELECT count(*) FROM quivive.incidents") == [(1,)]


async def test_an_outage_that_only_late_evidence_shows_pages_nobody(url: str, record: Record) -> None:
    known = confirmed()
    await record(
        PastIncident(
            incident=known.incident,
            check=CHECK,
            start_us=known.start_us,
            resolve_us=known.confirm_us,
            confirm_us=known.confirm_us + MINUTE,
            cause=known.cause,
            responsibility=known.responsibility,
            regions=known.regions,
            reason="late evidence",
        )
    )
    assert outbox(url) == []
    assert rows(url, "SELECT retroactive, resolve_time IS NULL FROM quivive.incidents") == [(True, False)]


async def test_a_check_that_is_not_critical_pages_nobody(url: str, record: Record) -> None:
    rows(url, "UPDATE quivive.checks SET critical = false")
    await record(confirmed())
    assert outbox(url) == []


async def test_a_channel_that_was_removed_is_not_paged(url: str, record: Record) -> None:
    rows(url, "UPDATE quivive.channels SET delete_time = now() WHERE channel_id = 'hook'")
    await record(confirmed())
    assert [channel for channel, _, _ in outbox(url)] == ["mail"]


async def test_a_page_waits_for_the_end_of_maintenance(url: str, record: Record) -> None:
    rows(
        url,
        "INSERT INTO quivive.maintenance (site_id, start_time, duration_us)"
        " VALUES ('site-1', to_timestamp(%s), 3600000000)",
        AT // 1_000_000 - 60,
    )
    await record(confirmed())
    assert due_us(url) == [(AT // 1_000_000 - 60 + 3600) * 1_000_000] * 2


async def test_what_recovers_before_its_page_is_due_pages_nobody(url: str, record: Record) -> None:
    await record(confirmed())
    await record(resolved())
    assert {reason for _, _, reason in outbox(url)} == {"resolved before it was due"}


async def test_what_recovers_in_the_same_batch_pages_nobody(url: str, record: Record) -> None:
    await record(confirmed(), resolved())
    assert outbox(url) == []


async def test_only_who_was_told_of_the_outage_hears_of_its_end(url: str, record: Record) -> None:
    await record(confirmed())
    sent(url, "mail")
    await record(resolved())
    assert sorted(outbox(url), key=str) == [
        ("hook", "incident.confirmed", "resolved before it was due"),
        ("mail", "incident.confirmed", None),
        ("mail", "incident.resolved", None),
    ]


async def test_who_is_being_told_hears_of_the_end_too(url: str, record: Record) -> None:
    await record(confirmed())
    rows(url, "UPDATE quivive.outbox SET claim_time = now() + interval '30 s' WHERE channel_id = 'hook'")
    await record(resolved())
    assert ("hook", "incident.confirmed", None) in outbox(url)
    assert ("hook", "incident.resolved", None) in outbox(url)


async def test_what_fails_again_does_not_page_again(url: str, record: Record) -> None:
    await record(confirmed())
    sent(url, "mail")
    sent(url, "hook")
    await record(resolved(), reopened(AT + 2 * MINUTE))
    kinds = [kind for _, kind, reason in outbox(url) if reason is None]
    assert kinds == ["incident.confirmed", "incident.confirmed"]


async def test_an_end_that_was_told_before_it_failed_again_is_told_once_more(url: str, record: Record) -> None:
    await record(confirmed())
    sent(url, "mail")
    await record(resolved())
    sent(url, "mail")
    await record(reopened(AT + 2 * MINUTE))
    await record(resolved(AT + 9 * MINUTE))
    told = [kind for channel, kind, reason in outbox(url) if channel == "mail" and reason is None]
    assert told == ["incident.confirmed", "incident.resolved", "incident.resolved"]


@pytest.mark.parametrize("url", ["basic"], indirect=True)
async def test_a_page_that_a_short_recovery_called_off_is_due_after_all(url: str, record: Record) -> None:
    await record(confirmed())
    await record(resolved(AT + MINUTE))
    await record(reopened(AT + 2 * MINUTE))
    assert outbox(url) == [("mail", "incident.confirmed", None)]
    assert due_us(url) == [AT + 5 * MINUTE]


async def test_a_page_carries_what_a_message_needs(url: str, record: Record) -> None:
    await record(confirmed())
    ((payload,),) = rows(url, "SELECT payload FROM quivive.outbox WHERE channel_id = 'mail'")
    assert payload["url"] == "https://site-1.example/"
    assert payload["customer_title"] == "Boulangerie Martin"
    assert payload["detail"] == "connection refused"
    assert payload["confirm_time"].endswith("+00:00")
