"""The broker is away for long and an agent is killed in the middle: nothing that was seen is lost, nobody is paged for the past."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from farm import LocalSite, LocalSites
from receivers import MailSink, WebhookReceiver
from running import Quivive, wait_for

from quivive.embedded.demo.troubles import Trouble

SITES = 6
INTERVAL_S = 2
REGIONS = ("ap-south", "eu-west", "us-east")
AWAY = timedelta(seconds=45)
"""Longer than results are live and votes are fresh: what was seen meanwhile is replayed from the spool as late evidence."""
FINISHED_S = 3


def configuration_of(farm: dict[str, LocalSite], hook: str) -> str:
    lines = [
        "customers:",
        "  - {id: martin, name: Boulangerie Martin, plan: premium}",
        "channels:",
        "  - {id: on-call, type: email, to: [on-call@agency.example], audience: [incidents]}",
        f"  - {{id: hook, type: webhook, url: '{hook}', secret: HOOK_SECRET, audience: [incidents]}}",
        "sites:",
    ]
    for name, site in farm.items():
        lines.append(f"  - {{id: {name}, customer: martin, url: '{site.url}', interval: {INTERVAL_S}s, timeout: 1s}}")
    return "\n".join(lines) + "\n"


def rows(quivive: Quivive, query: str) -> list[tuple[Any, ...]]:
    with quivive.database() as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


@pytest.mark.timeout(300)
def test_an_agent_killed_while_the_broker_is_away_loses_nothing_it_saw_and_pages_nobody_for_the_past(
    quivive: Quivive, sites: LocalSites, mail_sink: MailSink, webhook: WebhookReceiver
) -> None:
    farm = {name: sites.add(name) for name in (f"site-{number}" for number in range(SITES))}
    quivive.environment["HOOK_SECRET"] = "a webhook's key"
    configuration = configuration_of(farm, webhook.url)
    quivive.start("--regions", ",".join(REGIONS), configuration=configuration)
    wait_for(lambda: {site["state"] for site in quivive.json("site", "list")} == {"UP"}, "every site up", 60)

    broker = wait_for(lambda: quivive.process("broker"), "the broker")
    broker.suspend()
    away = datetime.now(UTC)
    try:
        wait_for(lambda: datetime.now(UTC) > away + AWAY / 4, "a while", 60)
        farm["site-0"].become(Trouble.UNAVAILABLE)
        wait_for(lambda: datetime.now(UTC) > away + AWAY / 2, "a while", 60)
        killed = datetime.now(UTC)
        quivive.kill_process("agent-eu-west")
        farm["site-0"].heal()
        wait_for(lambda: datetime.now(UTC) > away + AWAY, "a while", 60)
    finally:
        broker.resume()
    back = datetime.now(UTC)
    spooled = timedelta(seconds=FINISHED_S)
    wait_for(lambda: _is_complete(quivive, back + spooled), "everything replayed", 90)
    wait_for(
        lambda: not any(_holes(quivive, region) for region in REGIONS if region != "eu-west"), "no slot missing", 60
    )
    wait_for(lambda: {site["state"] for site in quivive.json("site", "list")} == {"UP"}, "every site up again", 60)

    # Every attempt that was made is there once; one that was under way when its agent was killed may not be.
    stored = dict(
        rows(
            quivive,
            "SELECT site_id, count(*) FROM quivive.results JOIN quivive.checks USING (check_id) WHERE attempt >= 0 GROUP BY 1",
        )
    )
    for name, site in farm.items():
        assert 0 <= site.requests - stored[name] <= len(REGIONS) + 1, (name, site.requests, stored[name])
    # Nobody looked from eu-west between the kill and the broker's return: nothing is claimed about that time.
    for before, after in _holes(quivive, "eu-west"):
        assert after > killed - timedelta(seconds=INTERVAL_S)
        assert before < back
    assert webhook.posts == []
    assert [mail for mail in mail_sink.mails if "on-call@agency.example" in mail.recipients] == []


def _is_complete(quivive: Quivive, until: datetime) -> bool:
    """Every region's results of after that moment are stored, and no agent has anything unpublished."""
    found = rows(quivive, "SELECT region, max(slot) FROM quivive.results GROUP BY 1")
    return len(found) == len(REGIONS) and all(newest > until for _, newest in found)


def _holes(quivive: Quivive, region: str) -> list[tuple[datetime, datetime]]:
    """Slots of a check that do not follow each other, seen from this region; each slot is there once."""
    slots: dict[int, list[datetime]] = defaultdict(list)
    for check, found_region, slot, count in rows(
        quivive, "SELECT check_id, region, slot, count(*) FROM quivive.results WHERE attempt <= 0 GROUP BY 1, 2, 3"
    ):
        assert count == 1
        if found_region == region:
            slots[check].append(slot)
    return [
        (before, after)
        for found in slots.values()
        for before, after in pairwise(sorted(found))
        if after - before != timedelta(seconds=INTERVAL_S)
    ]
