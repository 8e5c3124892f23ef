"""The pages and the report, as a browser and a customer get them."""

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from api_server import CONFIGURATION, Api

from quivive.domain.words import Cause, State
from quivive.v1 import report_pb2

HOSTILE = "<script>alert('x')</script>\"&"
MINUTE = timedelta(minutes=1)


class Text(HTMLParser):
    """A document's text and the elements in it; refuses tags that do not match."""

    VOID = frozenset({"meta", "link", "rect", "br", "path", "circle"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID or (tag == "rect" and not self.get_starttag_text().endswith("/>")):  # type: ignore[union-attr]
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
async def watched(api: Api) -> Api:
    """martin-www went down ten minutes ago; martin-blog is not known since five."""
    configuration = deepcopy(CONFIGURATION)
    configuration["customers"][0]["name"] = HOSTILE
    del configuration["sites"][0]["maintenance"]  # it would lie over the last hour whenever this runs on a Sunday night
    configuration["sites"].append({"id": "martin-blog", "customer": "martin", "url": "https://blog.example/?a=1&b='x'"})
    await api.apply(configuration)
    now = datetime.now(UTC)
    for site in ("martin-www", "martin-blog"):
        api.born(site, now - 30 * MINUTE)
    start = now - 10 * MINUTE
    api.intervals("martin-www", (now - 30 * MINUTE, start, State.UP), (start, None, State.DOWN))
    api.intervals(
        "martin-blog", (now - 30 * MINUTE, now - 5 * MINUTE, State.UP), (now - 5 * MINUTE, None, State.UNKNOWN)
    )
    api.incident("martin-www", "inc-1", start, detail=HOSTILE)
    return api


async def test_the_overview_shows_every_site_its_state_and_its_last_outage(watched: Api) -> None:
    page = Text((await watched.web.get("/")).text)
    assert "One site is down" in page.text
    assert "martin-www" in page.text
    assert "Down for 10 min" in page.text.replace("\u00a0", " ")
    assert "Ongoing , 10 min" in page.text.replace("\u00a0", " ")
    assert "Unknown for 5 min" in page.text.replace("\u00a0", " ")
    assert "the site answered with a server error" in page.text
    assert ("a", "/incidents/inc-1") in [(tag, attributes.get("href")) for tag, attributes in page.tags]


async def test_the_bar_of_the_last_hour_is_drawn_to_scale(watched: Api) -> None:
    page = Text((await watched.web.get("/")).text)
    bars = [attributes for tag, attributes in page.tags if tag == "rect" and attributes["class"] != "ground"]
    down, unknown = (next(bar for bar in bars if bar["class"] == kind) for kind in ("down", "unknown"))
    assert float(down["x"] or 0) == pytest.approx(3000, abs=60)
    assert float(down["width"] or 0) == pytest.approx(600, abs=60)
    assert float(unknown["width"] or 0) == pytest.approx(300, abs=60)
    # Before the sites existed there is nothing.
    assert min(float(bar["x"] or 0) for bar in bars) == pytest.approx(1800, abs=60)


async def test_hostile_names_are_shown_and_never_run(watched: Api) -> None:
    for path in ("/", "/incidents/inc-1"):
        response = await watched.web.get(path)
        assert response.status_code == 200
        page = Text(response.text)
        assert "script" not in [tag for tag, _ in page.tags]
        assert HOSTILE in page.text
        assert not any(name.startswith("on") or name == "style" for _, attributes in page.tags for name in attributes)


async def test_an_incident_shows_its_evidence(watched: Api) -> None:
    content = {
        "detail": HOSTILE,
        "address": "192.0.2.7:443",
        "resolved": ["192.0.2.7", "192.0.2.8"],
        "certificate": {"subject": "CN=shop", "issuer": "CN=R3", "names": ["shop.example"], "fingerprint": "ab" * 32},
        "body_hash": "cd" * 32,
        "body_characters": 4321,
        "body_excerpt": "<script>alert(1)</script>",
    }
    watched.rows(
        "INSERT INTO quivive.incident_evidence (incident_id, slot, region, attempt, end_time, cause, http_status, dns, connect,"
        " tls, first_byte, transfer, content) VALUES ('inc-1', now(), 'eu-west', 0, now(), 24, 503, 1, 2, 3, 4, 5, %s)",
        json.dumps(content),
    )
    page = Text((await watched.web.get("/incidents/inc-1")).text)
    for said in ("192.0.2.7, 192.0.2.8", "CN=shop by CN=R3", "shop.example", "ab" * 32, "cd" * 32, "alert(1)"):
        assert said in page.text
    assert "script" not in [tag for tag, _ in page.tags]


async def test_pages_forbid_everything_that_is_not_ours(watched: Api) -> None:
    response = await watched.web.get("/")
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    page = Text(response.text)
    (style,) = [attributes["href"] for tag, attributes in page.tags if attributes.get("rel") == "stylesheet"]
    assert style is not None
    css = await watched.web.get(style)
    assert css.headers["content-type"].startswith("text/css")
    assert "immutable" in css.headers["cache-control"]
    assert "url(" not in css.text


async def test_an_unchanged_page_is_not_sent_again(watched: Api) -> None:
    first = await watched.web.get("/")
    again = await watched.web.get("/", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_blind_and_simulated_regions_are_marked(watched: Api) -> None:
    watched.rows("UPDATE quivive.regions SET blind_time = now(), blind_reason = %s WHERE name = 'us-east'", HOSTILE)
    watched.rows("UPDATE quivive.regions SET simulated = true WHERE name = 'eu-west'")
    page = Text((await watched.web.get("/")).text)
    assert "Region us-east is blind" in page.text
    assert HOSTILE in page.text
    assert "Simulated regions: eu-west" in page.text


async def test_an_incident_shows_what_happened_and_what_was_seen(watched: Api) -> None:
    if watched.rows("SELECT partitions FROM quivive.storage") == [("native",)]:
        watched.rows("CREATE TABLE quivive.results_all PARTITION OF quivive.results DEFAULT")
    watched.rows(
        "INSERT INTO quivive.results"
        " SELECT i.check_id, i.start_time, i.start_time + interval '1 second', 1, 5, 20, 0, 2000, 0, r.region_id, 0, 2, 41, 503"
        " FROM quivive.incidents AS i, quivive.regions AS r"
    )
    watched.rows(
        "INSERT INTO quivive.evidence SELECT check_id, slot, region, attempt, jsonb_build_object('detail', %s::text)"
        " FROM quivive.results LIMIT 1",
        "connection refused by 192.0.2.7:443",
    )
    page = Text((await watched.web.get("/incidents/inc-1")).text)
    assert "martin-www: the site answered with a server error" in page.text
    assert "Confirmed 2 of 3 regions" in page.text
    assert "connection refused by 192.0.2.7:443" in page.text
    assert page.text.count("scheduled 1 DOWN 202 ms") == 3
    assert "Confirmed after 6" in page.text


@pytest.mark.parametrize("path", ["/incidents/nothing", "/incidents/%00", "/nowhere", "/incidents/" + "x" * 500])
async def test_an_address_that_leads_nowhere_says_so(watched: Api, path: str) -> None:
    response = await watched.web.get(path)
    assert response.status_code == 404
    assert "There is nothing here" in response.text
    assert "content-security-policy" in response.headers


async def test_an_empty_installation_says_how_to_begin(api: Api) -> None:
    page = Text((await api.web.get("/")).text)
    assert "No site is watched yet" in page.text
    assert "quivive apply" in page.text


async def rendered(api: Api, month: str) -> Text:
    request = report_pb2.RenderReportRequest(customer="customers/martin", month=month)
    return Text((await api.reports.RenderReport(request)).html)


async def march(api: Api, locale: str) -> None:
    """Two sites over March 2026 in Paris; one was down for two hours and unknown for one."""
    configuration = deepcopy(CONFIGURATION)
    configuration["customers"][0].update(locale=locale, name=HOSTILE)
    configuration["sites"].append({"id": "martin-blog", "customer": "martin", "url": "https://blog.example/"})
    configuration["regions"][0]["simulated"] = True
    del configuration["sites"][0]["maintenance"]
    await api.apply(configuration)
    start = datetime(2026, 2, 1, tzinfo=UTC)
    tenth = datetime(2026, 3, 10, 9, tzinfo=UTC)
    for site in ("martin-www", "martin-blog"):
        api.born(site, start)
    api.intervals("martin-blog", (start, None, State.UP))
    api.intervals(
        "martin-www",
        (start, tenth, State.UP),
        (tenth, tenth + 120 * MINUTE, State.DOWN),
        (tenth + 120 * MINUTE, tenth + 180 * MINUTE, State.UNKNOWN),
        (tenth + 180 * MINUTE, None, State.UP),
    )
    api.incident("martin-www", "inc-1", tenth, tenth + 120 * MINUTE, cause=Cause.CONTENT_DATABASE_ERROR)


async def test_a_report_is_in_french_for_a_french_customer(api: Api) -> None:
    await march(api, "fr")
    page = await rendered(api, "2026-03")
    text = page.text.replace("\u202f", " ").replace("\u00a0", " ")
    assert ("html", {"lang": "fr"}) in page.tags
    assert f"Rapport de disponibilité · Premium {HOSTILE}, mars 2026" in text
    assert "Du 1er mars 2026 au 31 mars 2026 (fuseau horaire : Paris)" in text
    # March has 743 hours in Paris; 742 of them are known, 740 of those up.
    assert "Disponibilité 99,73 % martin-www, la plus basse des 2 sites" in text
    assert "Moyenne des sites 99,865 %" in text
    assert "Objectif 99,9 % non atteint" in text
    assert "10 mars, 10:00 martin-www le site n’a pas pu joindre sa base de données Application 2 h" in text
    assert "99,865 % du temps surveillé a été mesuré ; 1 h inconnu" in text
    assert "Les régions ap-south sont simulées" in text
    assert "script" not in [tag for tag, _ in page.tags]


async def test_a_report_is_in_english_for_an_english_customer(api: Api) -> None:
    await march(api, "en")
    text = (await rendered(api, "2026-03")).text.replace("\u00a0", " ")
    assert "March 1, 2026 to March 31, 2026 (time zone: Paris)" in text
    assert "Availability 99.73% martin-www, the lowest of 2 sites" in text
    assert "Objective 99.9% missed" in text
    assert "Mar 10, 10:00 martin-www the site could not reach its database Application 2 hr" in text
    assert "There was no outage" not in text


async def test_a_report_without_outage_says_so(api: Api) -> None:
    await march(api, "en")
    text = (await rendered(api, "2026-04")).text
    assert "Availability 100% each of the 2 sites" in text
    assert "There was no outage in this period." in text


async def test_a_report_of_a_month_that_is_not_over_says_how_far_it_goes(api: Api) -> None:
    await march(api, "en")
    page = await rendered(api, f"{datetime.now(UTC) - timedelta(days=1):%Y-%m}")
    assert "This month is not over" in page.text or datetime.now(UTC).day == 1


async def test_a_report_about_nothing_has_no_figure(api: Api) -> None:
    await march(api, "fr")
    text = (await rendered(api, "2025-03")).text
    assert "aucun chiffre Rien n’a été mesuré pendant cette période." in text


async def test_a_report_carries_everything_it_needs(api: Api) -> None:
    await march(api, "fr")
    page = await rendered(api, "2026-03")
    assert not [attributes for _, attributes in page.tags if "src" in attributes or "href" in attributes]
