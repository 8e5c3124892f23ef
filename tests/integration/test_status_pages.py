"""Customers' status pages, from a real api: what they say, to whom, on which host, and at what cost."""

import asyncio
import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from api_server import CONFIGURATION, Api
from prometheus_client import REGISTRY

from quivive.domain.words import State

HOUR = timedelta(hours=1)
HOSTILE = '<script>alert(1)</script> & "Sœurs"'
PASSWORD = "correct horse battery"
ATOM = "{http://www.w3.org/2005/Atom}"


def configuration(**page: Any) -> dict[str, Any]:
    """martin has a page, dupont has none; both have sites."""
    declared = deepcopy(CONFIGURATION)
    declared["customers"][0]["status_page"] = page
    declared["customers"].append({"id": "dupont", "name": "Dupont", "plan": "basic", "status_page": {}})
    declared["customers"].append({"id": "durand", "name": "Durand", "plan": "premium"})
    declared["sites"].append({"id": "martin-shop", "customer": "martin", "url": "https://shop.martin.example/a"})
    declared["sites"].append({"id": "durand-www", "customer": "durand", "url": "https://durand.example/"})
    del declared["sites"][0]["maintenance"]
    return declared


@pytest.fixture
async def seen(api: Api) -> Api:
    """martin-www has been down for an hour and was for another two days ago; of martin-shop two hours are not known."""
    await api.apply(configuration(domain="status.martin.example"))
    now = datetime.now(UTC)
    born, earlier = now - 100 * HOUR, now - 50 * HOUR
    for site in ("martin-www", "martin-shop"):
        api.born(site, born)
    api.incident("martin-www", "old", earlier, earlier + HOUR)
    api.incident("martin-www", "new", now - HOUR)
    api.rows(
        "INSERT INTO quivive.incident_events (event_key, incident_id, time, kind, detail) VALUES"
        " ('published/1', 'new', now(), 'published', 'The host is working on it (Amélie)'),"
        " ('commented/1', 'new', now(), 'commented', 'not for customers (Amélie)')"
    )
    www = [(born, earlier, State.UP), (earlier, earlier + HOUR, State.DOWN), (earlier + HOUR, now - HOUR, State.UP)]
    api.intervals("martin-www", *www, (now - HOUR, None, State.DOWN))
    unknown = now - 20 * HOUR
    api.intervals(
        "martin-shop",
        *(
            (born, unknown, State.UP),
            (unknown, unknown + 2 * HOUR, State.UNKNOWN),
            (unknown + 2 * HOUR, None, State.UP),
        ),
    )
    return api


async def test_the_page_says_how_each_site_is_and_was(seen: Api) -> None:
    answer = await seen.web.get("/status/martin")
    page = answer.text
    assert answer.status_code == 200
    assert '<html lang="fr">' in page
    assert "Un site est en panne" in page
    assert "www.boulangerie-martin.example" in page
    assert "shop.martin.example/a" in page
    assert "sans mesure" in page  # the two unknown hours are neither up nor down
    assert page.count("<rect class=") >= 180  # ninety days of two sites
    assert "The host is working on it" in page
    assert "Amélie" not in page  # who said it, and what was said among operators
    assert "not for customers" not in page
    assert "durand" not in page.lower()
    assert len(answer.content) < 100 * 1024


async def test_json_atom_and_badge_say_the_same(seen: Api) -> None:
    found = json.loads((await seen.web.get("/status/martin/status.json")).text)
    assert found["state"] == "DOWN"
    assert {site["name"]: site["state"] for site in found["sites"]} == {
        "sites/martin-www": "DOWN",
        "sites/martin-shop": "UP",
    }
    shop = next(site for site in found["sites"] if site["name"] == "sites/martin-shop")
    assert shop["availability_90_days"] == 1.0
    (ongoing,) = found["open_incidents"]
    assert ongoing["resolve_time"] is None
    assert [past["name"] for past in found["past_incidents"]] == ["incidents/old"]
    feed = ElementTree.fromstring((await seen.web.get("/status/martin/atom.xml")).text)
    assert [entry.findtext(f"{ATOM}id", "").rpartition("#")[2] for entry in feed.iter(f"{ATOM}entry")] == ["new", "old"]
    badge = await seen.web.get("/status/martin/badge.svg")
    assert badge.headers["content-type"] == "image/svg+xml"
    assert "En panne" in badge.text


async def test_a_host_of_its_own_shows_that_page_and_nothing_else(seen: Api) -> None:
    own = {"Host": "Status.Martin.example:443"}
    page = await seen.web.get("/", headers=own)
    assert "Un site est en panne" in page.text
    for link in ("/status.json", "/atom.xml", "/badge.svg", "/colours.css"):
        assert (await seen.web.get(link, headers=own)).status_code == 200
    style = page.text.partition('href="/static/')[2].partition('"')[0]
    assert (await seen.web.get(f"/static/{style}", headers=own)).status_code == 200
    for path in ("/metrics", "/readyz", "/incidents/new", "/status/martin", "/status/durand", "/tls/ask"):
        assert (await seen.web.get(path, headers=own)).status_code == 404
    assert (await seen.web.get("/tls/ask?domain=status.martin.example")).status_code == 200
    assert (await seen.web.get("/tls/ask?domain=status.durand.example")).status_code == 404
    assert (await seen.web.get("/tls/ask")).status_code == 404


async def test_what_is_not_there_and_what_the_plan_does_not_have_look_alike(seen: Api) -> None:
    answers = [await seen.web.get(f"/status/{customer}") for customer in ("dupont", "durand", "nobody", "martin%00")]
    answers.append(await seen.web.get("/status/martin/secrets.txt"))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers[:3]}) == 1


async def test_a_password_is_asked_for_and_wrong_ones_are_counted(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIVIVE_SECRET_MARTIN", PASSWORD)
    await api.apply(configuration(access="password", password="QUIVIVE_SECRET_MARTIN"))
    for form in ("", "/status.json", "/atom.xml", "/badge.svg"):
        refused = await api.web.get(f"/status/martin{form}")
        assert refused.status_code == 401
        assert "boulangerie" not in refused.text.lower()
    entered = await api.web.get("/status/martin", auth=("martin", PASSWORD))
    assert entered.status_code == 200
    assert "private" in entered.headers["cache-control"]
    codes = [(await api.web.get("/status/martin", auth=("martin", f"wrong {n}"))).status_code for n in range(12)]
    assert codes == [401] * 10 + [429] * 2


async def test_names_are_shown_and_never_run(api: Api) -> None:
    declared = configuration(title=HOSTILE)
    declared["sites"][0]["url"] = "https://www.example/?q='\"><img src=x>".replace(" ", "%20").replace("<", "%3C")
    await api.apply(declared)
    answer = await api.web.get("/status/martin")
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in (await api.web.get("/status/martin/badge.svg")).text
    assert HOSTILE in json.loads((await api.web.get("/status/martin/status.json")).text)["title"]


async def test_a_crowd_reads_the_database_once(seen: Api) -> None:
    before = _reads()
    answers = await asyncio.gather(*(seen.web.get("/status/martin") for _ in range(200)))
    assert {answer.status_code for answer in answers} == {200}
    assert _reads() - before <= 3  # once, and once more for each five seconds that this takes
    tag = answers[0].headers["etag"]
    assert (await seen.web.get("/status/martin", headers={"If-None-Match": tag})).status_code in (200, 304)


def _reads() -> float:
    return REGISTRY.get_sample_value("quivive_api_status_reads_total") or 0.0
