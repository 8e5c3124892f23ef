"""The promise: outages on real sites become exactly one incident each, told once, and nobody else is troubled."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import psutil
import pytest
from farm import LocalSite, LocalSites
from receivers import MailSink, WebhookReceiver
from running import Quivive, wait_for

from quivive.embedded.demo.troubles import Trouble

INTERVAL_S = 3.0
TIMEOUT_S = 2.0
STAGGER_S = 1.0
REGIONS = ("ap-south", "eu-west", "us-east")
GRAIN_S = 0.4
"""What a loaded machine adds: slots start late, and the test reads its clock after the break."""


def configuration_of(sites: list[LocalSite], hook: str) -> str:
    """Every site checked every 3 s from three regions; mails and webhooks for incidents, another mailbox for the operator."""
    text = f"""
customers:
  - {{id: martin, name: Boulangerie Martin, plan: premium, locale: fr, timezone: Europe/Paris}}
channels:
  - {{id: on-call, type: email, to: [on-call@agency.example], audience: [incidents]}}
  - {{id: hook, type: webhook, url: "{hook}", secret: HOOK_SECRET, audience: [incidents]}}
  - {{id: operator, type: email, to: [operator@agency.example], audience: [operations]}}
sites:
"""
    for site in sites:
        text += f"  - {{id: {site.name}, customer: martin, url: '{site.url}', interval: 3s, timeout: 2s}}\n"
    return text


@dataclass
class Fleet:
    """A running Quivive that has found all its sites up."""

    quivive: Quivive
    sites: dict[str, LocalSite]
    mail: MailSink
    hook: WebhookReceiver

    def incidents(self, site: str | None = None) -> list[dict[str, Any]]:
        flags = ("--site", site) if site else ()
        return self.quivive.json("incident", "list", *flags)

    def incident(self, site: str, *, state: str, within_s: float) -> dict[str, Any]:
        """The site's only incident once it is in that state."""

        def found() -> dict[str, Any] | None:
            incidents = self.incidents(site)
            return incidents[0] if incidents and incidents[0]["state"] == state else None

        return wait_for(found, f"an incident of {site} that is {state}", within_s)

    def hold(self, name: str) -> psutil.Process:
        """Stop a process where it stands: dead to the others, and not restarted by the supervisor."""
        process = wait_for(lambda: self.quivive.process(name), name)
        process.suspend()
        return process

    def states(self) -> Counter[str]:
        return Counter(site["state"] for site in self.quivive.json("site", "list"))

    def mails(self, recipient: str, words: str) -> list[str]:
        return [
            mail.subject
            for mail in list(self.mail.mails)
            if f"{recipient}@agency.example" in mail.recipients and words in mail.text
        ]

    def posts(self, kind: str, site: str) -> list[Any]:
        contents = [post.content for post in list(self.hook.posts)]
        return [c for c in contents if c["kind"] == kind and c["incident"]["site"] == f"sites/{site}"]


def fleet_of(quivive: Quivive, farm: LocalSites, mail: MailSink, hook: WebhookReceiver, http: int, https: int) -> Fleet:
    sites = [farm.add(f"plain-{i}") for i in range(http)] + [farm.add(f"secure-{i}", https=True) for i in range(https)]
    quivive.environment["HOOK_SECRET"] = "a webhook's key"
    quivive.start("--regions", ",".join(REGIONS), configuration=configuration_of(sites, hook.url))
    fleet = Fleet(quivive, {site.name: site for site in sites}, mail, hook)
    wait_for(lambda: fleet.states() == {"UP": len(sites)}, "every site up", 60)
    return fleet


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def seconds(later: datetime, earlier: datetime) -> float:
    return (later - earlier).total_seconds()


@pytest.mark.timeout(240)
def test_four_of_thirty_sites_fail_and_each_becomes_one_incident_told_once(
    quivive: Quivive, sites: LocalSites, mail_sink: MailSink, webhook: WebhookReceiver
) -> None:
    fleet = fleet_of(quivive, sites, mail_sink, webhook, http=18, https=12)
    troubles = {
        "plain-0": (Trouble.UNAVAILABLE, "HTTP_STATUS_5XX"),
        "plain-1": (Trouble.REFUSED, "TCP_REFUSED"),
        "secure-0": (Trouble.EXPIRED, "TLS_EXPIRED"),
        "plain-2": (Trouble.HANGING, "HTTP_TIMEOUT"),
    }
    broken = {name: fleet.sites[name].become(trouble) for name, (trouble, _) in troubles.items()}

    for name, (trouble, cause) in troubles.items():
        incident = fleet.incident(name, state="OPEN", within_s=20)
        start, confirm = moment(incident["start_time"]), moment(incident["confirm_time"])
        assert incident["cause"] == cause
        assert set(incident["regions"]) <= set(REGIONS)
        assert len(incident["regions"]) >= 2
        # A look that was under way when a site began to hang belongs to a slot before the injection.
        under_way_s = TIMEOUT_S if trouble is Trouble.HANGING else GRAIN_S
        assert -under_way_s <= seconds(start, broken[name]) <= STAGGER_S + GRAIN_S, (name, incident, broken[name])
        allowed_s = 3 + (2 * TIMEOUT_S if trouble is Trouble.HANGING else 0)
        assert seconds(confirm, start) <= allowed_s, (name, incident)
        wait_for(lambda name=name: fleet.posts("incident.confirmed", name), f"webhook for {name}", 10)
        wait_for(lambda name=name: fleet.mails("on-call", fleet.sites[name].url), f"mail for {name}", 10)

    healed = {name: fleet.sites[name].heal() for name in troubles}
    for name, (trouble, _) in troubles.items():
        incident = fleet.incident(name, state="RESOLVED", within_s=20)
        resolve = moment(incident["resolve_time"])
        assert -GRAIN_S <= seconds(resolve, healed[name]) <= STAGGER_S + GRAIN_S, (name, incident, healed[name])
        wait_for(lambda name=name: fleet.posts("incident.resolved", name), f"resolved webhook for {name}", 10)
        figure = fleet.quivive.json("sla", name, "--window", "1h")
        under_way_s = TIMEOUT_S if trouble is Trouble.HANGING else 0
        down_s = seconds(healed[name], broken[name])
        assert abs(figure["down_seconds"] - down_s) <= STAGGER_S + GRAIN_S + under_way_s, (name, figure, down_s)

    assert len(fleet.incidents()) == len(troubles)
    assert fleet.states() == {"UP": 30}
    for name in troubles:
        assert len(fleet.posts("incident.confirmed", name)) == 1
        assert len(fleet.posts("incident.resolved", name)) == 1
        assert len(fleet.mails("on-call", fleet.sites[name].url)) == 2, "one when it fell, one when it came back"
    assert fleet.mails("operator", "") == []


@pytest.mark.timeout(180)
def test_dead_agents_blind_their_regions_and_only_the_operator_hears_of_it(
    quivive: Quivive, sites: LocalSites, mail_sink: MailSink, webhook: WebhookReceiver
) -> None:
    fleet = fleet_of(quivive, sites, mail_sink, webhook, http=3, https=0)
    before = fleet.quivive.json("sla", "plain-0", "--window", "1h")

    us_east = fleet.hold("agent-us-east")
    wait_for(lambda: _blind(fleet) == {"us-east"}, "us-east shown blind", 40)
    assert fleet.states() == {"UP": 3}
    wait_for(lambda: fleet.mails("operator", "us-east"), "the operator's mail", 15)

    eu_west = fleet.hold("agent-eu-west")
    wait_for(lambda: fleet.states() == {"UNKNOWN": 3}, "states unknown", 40)
    figure = wait_for(lambda: _incomplete(fleet, before), "completeness below what it was", 15)
    assert figure["availability"] == 1.0
    assert figure["down_seconds"] == 0
    assert fleet.incidents() == []
    assert fleet.mails("on-call", "") == []
    assert webhook.posts == []

    us_east.resume()
    eu_west.resume()
    wait_for(lambda: _blind(fleet) == set(), "no region blind", 40)
    wait_for(lambda: fleet.states() == {"UP": 3}, "every site up again", 40)
    assert fleet.incidents() == []


def _blind(fleet: Fleet) -> set[str]:
    return {
        region["name"].removeprefix("regions/") for region in fleet.quivive.json("region", "list") if region["blind"]
    }


def _incomplete(fleet: Fleet, before: dict[str, Any]) -> dict[str, Any] | None:
    figure = fleet.quivive.json("sla", "plain-0", "--window", "1h")
    return figure if figure["unknown_seconds"] > before["unknown_seconds"] + 1 else None


@pytest.mark.timeout(240)
@pytest.mark.parametrize("victim", ["aggregator", "broker", "database"])
def test_a_process_killed_in_the_middle_of_an_outage_changes_nothing_of_what_is_told(
    quivive: Quivive, sites: LocalSites, mail_sink: MailSink, webhook: WebhookReceiver, victim: str
) -> None:
    fleet = fleet_of(quivive, sites, mail_sink, webhook, http=4, https=0)
    broken = fleet.sites["plain-0"].become(Trouble.UNAVAILABLE)
    wait_for(lambda: _told(fleet) == 2, "the outage told by mail and webhook", 20)

    quivive.kill_process(victim)
    wait_for(lambda: _answers(fleet), f"{victim} back", 60)
    settled = datetime.now(UTC) + timedelta(seconds=2 * INTERVAL_S)
    wait_for(lambda: _newest_slot(fleet) > settled, "results after the restart", 60)
    healed = fleet.sites["plain-0"].heal()
    incident = fleet.incident("plain-0", state="RESOLVED", within_s=40)

    assert len(fleet.incidents()) == 1
    assert seconds(moment(incident["start_time"]), broken) <= STAGGER_S + GRAIN_S
    assert seconds(moment(incident["resolve_time"]), healed) <= STAGGER_S + GRAIN_S
    wait_for(lambda: fleet.posts("incident.resolved", "plain-0"), "the recovery told", 20)
    assert len(fleet.posts("incident.confirmed", "plain-0")) == 1
    assert len(fleet.posts("incident.resolved", "plain-0")) == 1
    assert len(fleet.mails("on-call", fleet.sites["plain-0"].url)) == 2
    _assert_every_slot_is_stored_once(fleet, broken - timedelta(seconds=3), healed)


def _told(fleet: Fleet) -> int:
    """Messages that are on record as sent."""
    with fleet.quivive.database() as connection:
        row = connection.execute("SELECT count(*) FROM quivive.outbox WHERE sent_time IS NOT NULL").fetchone()
    assert row is not None
    return row[0]


def _answers(fleet: Fleet) -> bool:
    return fleet.quivive.cli("site", "list", check=False).returncode == 0


def _newest_slot(fleet: Fleet) -> datetime:
    with fleet.quivive.database() as connection:
        row = connection.execute("SELECT max(slot) FROM quivive.results").fetchone()
    assert row is not None
    return row[0]


def _assert_every_slot_is_stored_once(fleet: Fleet, start: datetime, end: datetime) -> None:
    """Every (check, region) has a first attempt, or the placeholder of a missed slot, every 3 s of the span."""
    with fleet.quivive.database() as connection:
        rows = connection.execute(
            """SELECT check_id, region, slot, count(*) FROM quivive.results
               WHERE attempt <= 0 AND slot >= %s AND slot < %s GROUP BY 1, 2, 3""",
            (start, end),
        ).fetchall()
    slots: dict[tuple[int, int], list[datetime]] = {}
    for check, region, slot, count in rows:
        assert count == 1
        slots.setdefault((check, region), []).append(slot)
    assert len(slots) == 4 * 3
    for found in slots.values():
        found.sort()
        assert {seconds(b, a) for a, b in pairwise(found)} == {INTERVAL_S}
