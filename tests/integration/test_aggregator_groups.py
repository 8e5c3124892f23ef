"""Evidence, causes and groups on a real database, and one page for what one thing explains."""

from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from declaring import declare, declare_channel, rows
from publishing import Attempt, batch_of, now_us

from aggregator import database
from aggregator.decide.counted import Counted, Standing, Voice
from aggregator.decide.transitions import IncidentConfirmed, IncidentResolved, Transition
from aggregator.notify.group_messages import compose_delivery
from aggregator.notify.links import Links
from aggregator.notify.outbox import Outbox
from aggregator.persist import decisions, grouping, incidents, judgements, seen
from aggregator.persist.batch import Seen
from aggregator.persist.partitions import Partitions
from aggregator.results import decode
from aggregator.settings import AggregatorSettings
from quivive.domain.words import Cause, Outcome, Responsibility

SITES = 30
LINKS = Links(AggregatorSettings(database_url="postgresql://nowhere"))

Commit = Callable[..., Coroutine[Any, Any, None]]


@pytest.fixture
def url(migrated_url: str) -> str:
    declare(migrated_url, sites=SITES)
    declare_channel(migrated_url, "mail", "email", ["incidents"], to=["oncall@agency.example"])
    return migrated_url


@pytest.fixture
async def commit(url: str) -> AsyncIterator[Commit]:
    """Record what was seen and decided in one transaction."""
    partitions = Partitions()
    async with await database.connect(url, "test") as connection:
        await seen.prepare(connection)

        async def commit(parts: list[Seen], *transitions: Transition) -> None:
            await partitions.ensure(connection, parts)
            async with connection.transaction():
                await seen.ResultStore().store(connection, parts)
                await incidents.store(connection, transitions)
                await grouping.store(connection, await judgements.store(connection, transitions, parts))
                await decisions.store(connection, transitions)

        yield commit


@pytest.fixture
async def outbox(url: str) -> AsyncIterator[Outbox]:
    async with database.pool(url) as pool:
        yield Outbox(pool)


def failing(check: int, cause: Cause = Cause.TCP_REFUSED, detail: str = "refused") -> list[Seen]:
    """Two regions find it down."""
    parts = []
    for number, region in ((2, "eu-west"), (3, "us-east")):
        batch = batch_of(region, [Attempt(check, Outcome.DOWN, cause, slot_us=now_us() - 1_000_000, detail=detail)])
        results = decode(batch.SerializeToString(), shard=batch.shard, region=region)
        parts.append(Seen(results, number, np.array([True])))
    return parts


def confirmed(check: int, cause: Cause = Cause.TCP_REFUSED) -> IncidentConfirmed:
    at = now_us()
    voices = (Voice("eu-west", Standing.COUNTED, False, at), Voice("us-east", Standing.COUNTED, False, at))
    return IncidentConfirmed(
        incident=f"i{check}",
        check=check,
        start_us=at - 3_000_000,
        confirm_us=at,
        cause=cause,
        responsibility=Responsibility.HOST,
        regions=("eu-west", "us-east"),
        reason="2 of 3 regions found it down, 2 are needed",
        counted=Counted(at, 2, voices),
    )


async def all_down(commit: Commit, checks: range) -> None:
    parts = [part for check in checks for part in failing(check)]
    await commit(parts, *(confirmed(check) for check in checks))


async def test_an_incident_keeps_its_evidence_its_votes_and_how_sure_its_cause_is(url: str, commit: Commit) -> None:
    await commit(failing(101), confirmed(101))
    assert rows(url, "SELECT region, content ->> 'address' FROM quivive.incident_evidence ORDER BY region") == [
        ("eu-west", "192.0.2.7:443"),
        ("us-east", "192.0.2.7:443"),
    ]
    assert rows(url, "SELECT confidence, cause_rule FROM quivive.incidents") == [(0.9, "host.refused")]
    ((votes,),) = rows(url, "SELECT votes FROM quivive.decisions WHERE kind = 'incident.confirmed'")
    assert [(vote["region"], vote["standing"], vote["up"]) for vote in votes] == [
        ("eu-west", "counted", False),
        ("us-east", "counted", False),
    ]


async def test_a_cause_refines_until_somebody_is_told(url: str, commit: Commit) -> None:
    await commit(failing(101, Cause.TCP_TIMEOUT, "no answer"), confirmed(101, Cause.TCP_TIMEOUT))
    for _ in range(2):
        await commit(failing(101, Cause.TLS_EXPIRED, "expired"))
    assert rows(url, "SELECT cause, detail FROM quivive.incidents") == [(Cause.TLS_EXPIRED, "expired")]
    assert rows(url, "SELECT payload ->> 'cause' FROM quivive.outbox") == [(str(int(Cause.TLS_EXPIRED)),)]
    assert rows(url, "SELECT count(*) > 0 FROM quivive.incident_events WHERE kind = 'judged'") == [(True,)]
    rows(url, "UPDATE quivive.incidents SET page_time = now()")
    for _ in range(4):
        await commit(failing(101, Cause.DNS_NXDOMAIN, "gone"))
    assert rows(url, "SELECT cause FROM quivive.incidents") == [(Cause.TLS_EXPIRED,)]


async def test_one_host_down_is_one_page_that_names_every_site(url: str, commit: Commit, outbox: Outbox) -> None:
    await all_down(commit, range(101, 101 + SITES))
    (delivery,) = await outbox.claim(16)
    assert len(delivery.others) == SITES - 1
    assert compose_delivery(delivery, LINKS).subject == f"DOWN: {SITES} sites — connection refused"
    assert await outbox.claim(16) == []
    await outbox.sent(delivery)
    assert rows(url, "SELECT count(*) FROM quivive.outbox WHERE sent_time IS NULL") == [(0,)]
    assert rows(url, "SELECT count(*), count(page_time) FROM quivive.incidents") == [(SITES, SITES)]
    assert rows(url, "SELECT count(*) FROM quivive.incident_events WHERE kind = 'paged'") == [(SITES,)]


async def test_what_comes_to_light_after_the_page_updates_it_once_it_has_settled(
    url: str, commit: Commit, outbox: Outbox
) -> None:
    await all_down(commit, range(101, 102))
    (first,) = await outbox.claim(16)
    assert first.others == ()
    await all_down(commit, range(102, 105))
    assert await outbox.claim(16) == []
    await outbox.sent(first)
    assert await outbox.claim(16) == []
    rows(url, "UPDATE quivive.outbox SET sent_time = now() - interval '2 minutes' WHERE sent_time IS NOT NULL")
    (update,) = await outbox.claim(16)
    assert (len(update.others), update.follows) == (2, first.event_key)
    assert (
        compose_delivery(replace(update, locale="fr"), LINKS).subject
        == "EN PANNE : 3 sites de plus — connexion refusée"
    )


async def test_a_page_that_is_called_off_leaves_the_others_to_be_told(url: str, commit: Commit, outbox: Outbox) -> None:
    await all_down(commit, range(101, 104))
    at = now_us()
    await commit([], IncidentResolved("i101", 101, at, at, "recovered"))
    (delivery,) = await outbox.claim(16)
    assert {delivery.incident, *(other["incident"] for other in delivery.others)} == {"i102", "i103"}


async def test_a_group_recovers_in_one_message(url: str, commit: Commit, outbox: Outbox) -> None:
    await all_down(commit, range(101, 104))
    (page,) = await outbox.claim(16)
    await outbox.sent(page)
    at = now_us()
    await commit([], *(IncidentResolved(f"i{c}", c, at, at, "recovered") for c in (101, 102)))
    assert await outbox.claim(16) == [], "the third may follow at once"
    await commit([], IncidentResolved("i103", 103, at, at, "recovered"))
    (end,) = await outbox.claim(16)
    assert (end.kind, len(end.others), end.follows) == ("incident.resolved", 2, page.event_key)
    await outbox.sent(end)
    assert await outbox.claim(16) == []


async def test_a_refused_page_is_given_up_with_all_that_it_told(url: str, commit: Commit, outbox: Outbox) -> None:
    await all_down(commit, range(101, 104))
    (page,) = await outbox.claim(16)
    await outbox.give_up(page, "given up", "no such address")
    assert await outbox.claim(16) == []
    assert rows(url, "SELECT count(*) FROM quivive.incident_events WHERE kind = 'page_failed'") == [(3,)]
