"""Two aggregators share a fleet; one that dies, or hangs and wakes, changes nothing of what is found and told."""

from collections import Counter

import pytest
from farm import LocalSite, LocalSites
from running import Quivive, wait_for

from quivive.embedded.demo.troubles import Trouble

SITES = 8
REPLACED_WITHIN_S = 10.0
TOLD_WITHIN_S = 20.0


def configuration(sites: list[LocalSite]) -> str:
    lines = ["customers:", "  - {id: martin, name: Boulangerie Martin, plan: premium}"]
    lines += [
        "channels:",
        "  - {id: on-call, type: email, to: [on-call@agency.example], audience: [incidents]}",
        "sites:",
    ]
    lines += [f"  - {{id: {s.name}, customer: martin, url: '{s.url}', interval: 3s, timeout: 2s}}" for s in sites]
    return "\n".join(lines) + "\n"


def shares(quivive: Quivive) -> list[int]:
    """How many shards each aggregator owns."""
    with quivive.database() as connection:
        query = "SELECT (SELECT count(*) FROM quivive.shards WHERE owner = aggregator) FROM quivive.aggregators"
        return [count for (count,) in connection.execute(query).fetchall()]


def states(quivive: Quivive) -> Counter[str]:
    return Counter(site["state"] for site in quivive.json("site", "list"))


@pytest.mark.timeout(240)
@pytest.mark.parametrize("end", ["killed", "stopped and woken"])
def test_one_of_two_aggregators_that_fails_costs_nothing_but_seconds(
    quivive: Quivive, sites: LocalSites, end: str
) -> None:
    fleet = [sites.add(f"site-{number}") for number in range(SITES)]
    text = configuration(fleet)
    quivive.start("--regions", "ap-south,eu-west,us-east", "--aggregators", "2", configuration=text)
    wait_for(lambda: shares(quivive) == [8, 8], "two owners")
    wait_for(lambda: states(quivive) == {"UP": SITES}, "every site up", 60)

    victim = wait_for(lambda: quivive.process("aggregator"), "an aggregator")
    if end == "killed":
        victim.kill()
    else:
        victim.suspend()
    for site in fleet:
        site.become(Trouble.UNAVAILABLE)
    wait_for(lambda: states(quivive) == {"DOWN": SITES}, "every site down", REPLACED_WITHIN_S + TOLD_WITHIN_S)
    if end != "killed":
        victim.resume()
    wait_for(lambda: shares(quivive) == [8, 8], "two owners again")

    for site in fleet:
        site.heal()
    wait_for(lambda: states(quivive) == {"UP": SITES}, "every site up again", 60)
    assert Counter(i["site"] for i in quivive.json("incident", "list")) == {f"sites/{s.name}": 1 for s in fleet}
    with quivive.database() as connection:
        doubled = connection.execute(
            "SELECT count(*) FROM (SELECT FROM quivive.results GROUP BY check_id, region, slot, attempt HAVING count(*) > 1) AS d"
        ).fetchone()
    assert doubled == (0,)
