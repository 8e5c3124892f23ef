"""Every reading call against a real server: what it answers, and how it refuses."""

import asyncio
from collections.abc import Awaitable, Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from api_server import CONFIGURATION, Api, refusal
from google.protobuf.timestamp_pb2 import Timestamp

from quivive import subjects
from quivive.bus import connect
from quivive.domain.words import Cause, State
from quivive.v1 import bus_pb2, incident_pb2, outcome_pb2, region_pb2, report_pb2, site_pb2, sla_pb2

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
async def declared(api: Api) -> Api:
    """Two customers; martin has two sites that were watched from MONDAY on."""
    configuration = deepcopy(CONFIGURATION)
    configuration["customers"].append({"id": "acme", "name": "ACME", "plan": "basic"})
    configuration["sites"] += [
        {"id": "martin-blog", "customer": "martin", "url": "https://blog.example/"},
        {"id": "acme-www", "customer": "acme", "url": "https://acme.example/"},
    ]
    await api.apply(configuration)
    for site in ("martin-www", "martin-blog", "acme-www"):
        api.born(site, MONDAY)
    return api


def timestamp(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message


async def refused(call: Awaitable[Any]) -> Any:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return refusal(caught.value)


async def test_a_site_has_the_state_of_its_worst_critical_check(declared: Api) -> None:
    await declared.apply(
        {
            "sites": [
                {
                    "id": "martin-www",
                    "customer": "martin",
                    "url": "https://www.example/",
                    "checks": [
                        {"name": "cart", "url": "https://www.example/cart"},
                        {"name": "extra", "url": "https://www.example/extra", "critical": False},
                    ],
                }
            ]
        }
    )
    request = site_pb2.GetSiteRequest(name="sites/martin-www")
    fresh = await declared.sites.GetSite(request)
    assert fresh.state == outcome_pb2.STATE_UNKNOWN
    declared.intervals("martin-www", (MONDAY, None, State.UP))
    declared.intervals("martin-www", (MONDAY + 2 * HOUR, None, State.UP), name="cart")
    declared.intervals("martin-www", (MONDAY, None, State.DOWN), name="extra")
    site = await declared.sites.GetSite(request)
    assert (site.state, site.state_time.ToDatetime(UTC)) == (outcome_pb2.STATE_UP, MONDAY + 2 * HOUR)
    assert (site.name, site.customer, site.url) == ("sites/martin-www", "customers/martin", "https://www.example/")
    assert [check.name.rpartition("/")[2] for check in site.checks] == ["http", "cart", "extra"]
    http, _, extra = site.checks
    assert (http.quorum, http.interval.seconds, list(http.regions)) == (2, 30, ["ap-south", "eu-west", "us-east"])
    assert extra.state == outcome_pb2.STATE_DOWN
    assert not extra.critical
    declared.rows("UPDATE quivive.state_intervals SET state = 3 WHERE check_id = %s", declared.check_id("martin-www"))
    down = await declared.sites.GetSite(request)
    assert (down.state, down.state_time.ToDatetime(UTC)) == (outcome_pb2.STATE_DOWN, MONDAY)


async def test_a_site_knows_its_newest_incident(declared: Api) -> None:
    declared.incident("martin-www", "first", MONDAY, MONDAY + HOUR)
    declared.incident("martin-www", "second", MONDAY + 2 * HOUR)
    site = await declared.sites.GetSite(site_pb2.GetSiteRequest(name="sites/martin-www"))
    assert site.last_incident == "incidents/second"
    assert site.last_incident_start_time.ToDatetime(UTC) == MONDAY + 2 * HOUR


async def test_a_paused_site_is_paused(declared: Api) -> None:
    site = {"id": "martin-www", "customer": "martin", "url": "https://www.example/", "paused": True}
    await declared.apply({"sites": [site]})
    answer = await declared.sites.GetSite(site_pb2.GetSiteRequest(name="sites/martin-www"))
    assert answer.paused
    assert answer.state == answer.checks[0].state == outcome_pb2.STATE_PAUSED


async def test_sites_are_listed_by_name_a_page_at_a_time(declared: Api) -> None:
    names, token = [], ""
    while True:
        page = await declared.sites.ListSites(site_pb2.ListSitesRequest(page_size=2, page_token=token))
        names.append([site.name for site in page.sites])
        token = page.next_page_token
        if not token:
            break
    assert names == [["sites/acme-www", "sites/martin-blog"], ["sites/martin-www"]]
    of_acme = await declared.sites.ListSites(site_pb2.ListSitesRequest(customer="customers/acme"))
    assert [site.name for site in of_acme.sites] == ["sites/acme-www"]


async def test_a_deleted_site_is_listed_no_more(declared: Api) -> None:
    await declared.apply(CONFIGURATION, prune=True)
    page = await declared.sites.ListSites(site_pb2.ListSitesRequest())
    assert [site.name for site in page.sites] == ["sites/martin-www"]
    answer = await refused(declared.sites.GetSite(site_pb2.GetSiteRequest(name="sites/acme-www")))
    assert (answer.code, answer.reason) == (grpc.StatusCode.NOT_FOUND, "SITE_NOT_FOUND")


async def test_an_incident_has_its_times_its_evidence_and_its_events(declared: Api) -> None:
    declared.incident("martin-www", "inc-1", MONDAY, MONDAY + HOUR, cause=Cause.TLS_EXPIRED, simulated=True)
    incident = await declared.incidents.GetIncident(incident_pb2.GetIncidentRequest(name="incidents/inc-1"))
    assert (incident.site, incident.check) == ("sites/martin-www", "sites/martin-www/checks/http")
    assert incident.customer == "customers/martin"
    assert incident.state == incident_pb2.Incident.STATE_RESOLVED
    assert incident.start_time.ToDatetime(UTC) == MONDAY
    assert incident.confirm_time.ToDatetime(UTC) == MONDAY + timedelta(seconds=6)
    assert incident.resolve_time.ToDatetime(UTC) == MONDAY + HOUR
    assert not incident.HasField("acknowledge_time")
    assert incident.cause == outcome_pb2.CAUSE_TLS_EXPIRED
    assert incident.responsibility == outcome_pb2.RESPONSIBILITY_CERTIFICATE
    assert list(incident.regions) == ["eu-west", "us-east"]
    assert incident.simulated
    assert incident.close_reason == "recovered"
    assert [event.kind for event in incident.events] == ["confirmed", "paged", "resolved"]


async def test_incidents_are_listed_newest_first_a_page_at_a_time(declared: Api) -> None:
    for number in range(5):
        # Two of them start at the same instant.
        start = MONDAY + (number // 2) * HOUR
        declared.incident("martin-www", f"inc-{number}", start, start + timedelta(minutes=1))
    declared.incident("acme-www", "open", MONDAY + 9 * HOUR)

    async def listed(**filters: Any) -> list[str]:
        names, token = [], ""
        while True:
            request = incident_pb2.ListIncidentsRequest(page_size=2, page_token=token, **filters)
            page = await declared.incidents.ListIncidents(request)
            names += [incident.name.removeprefix("incidents/") for incident in page.incidents]
            token = page.next_page_token
            if not token:
                return names

    assert await listed() == ["open", "inc-4", "inc-2", "inc-3", "inc-0", "inc-1"]
    assert await listed(subject="sites/martin-www") == ["inc-4", "inc-2", "inc-3", "inc-0", "inc-1"]
    assert await listed(subject="customers/acme") == ["open"]
    assert await listed(open_only=True) == ["open"]
    assert await listed(subject="sites/martin-blog") == []


async def test_figures_come_from_recorded_intervals(declared: Api) -> None:
    end = MONDAY + 100 * HOUR
    declared.intervals(
        "martin-www",
        (MONDAY, MONDAY + 10 * HOUR, State.UP),
        (MONDAY + 10 * HOUR, MONDAY + 12 * HOUR, State.DOWN),
        (MONDAY + 12 * HOUR, MONDAY + 20 * HOUR, State.UNKNOWN),
        (MONDAY + 20 * HOUR, MONDAY + 30 * HOUR, State.PARTIAL_OUTAGE),
        (MONDAY + 30 * HOUR, None, State.UP),
    )
    declared.intervals("martin-blog", (MONDAY, None, State.UP))
    declared.incident("martin-www", "inc-1", MONDAY + 10 * HOUR, MONDAY + 12 * HOUR)
    answer = await declared.sla.QuerySla(
        sla_pb2.QuerySlaRequest(subject="customers/martin", start_time=timestamp(MONDAY), end_time=timestamp(end))
    )
    worst, best = answer.figures
    hour_us = 3_600_000_000
    assert (worst.site, best.site) == ("sites/martin-www", "sites/martin-blog")
    assert (worst.up_us, worst.down_us, worst.unknown_us) == (90 * hour_us, 2 * hour_us, 8 * hour_us)
    assert (worst.partial_us, worst.maintenance_us, worst.incidents) == (10 * hour_us, 0, 1)
    assert (worst.availability, worst.completeness) == (90 / 92, 92 / 100)
    assert (worst.lower_bound, worst.upper_bound) == (90 / 100, 98 / 100)
    assert (best.availability, best.incidents) == (1.0, 0)
    assert answer.mean_availability == pytest.approx((90 / 92 + 1) / 2, abs=0)
    assert answer.start_time.ToDatetime(UTC) == MONDAY
    assert answer.end_time.ToDatetime(UTC) == end


async def test_maintenance_in_the_customer_s_zone_is_taken_out(declared: Api) -> None:
    # The site is maintained on Sundays from 3 to 4 in Paris, which is 2 to 3 UTC in March.
    sunday = datetime(2026, 3, 8, tzinfo=UTC)
    declared.intervals(
        "martin-www",
        (MONDAY, sunday + 2.5 * HOUR, State.UP),
        (sunday + 2.5 * HOUR, sunday + 4 * HOUR, State.DOWN),
        (sunday + 4 * HOUR, None, State.UP),
    )
    answer = await declared.sla.QuerySla(
        sla_pb2.QuerySlaRequest(
            subject="sites/martin-www", start_time=timestamp(sunday), end_time=timestamp(sunday + 24 * HOUR)
        )
    )
    (figure,) = answer.figures
    assert figure.maintenance_us == 3_600_000_000
    assert figure.down_us == 3_600_000_000
    assert figure.up_us == 22 * 3_600_000_000


async def test_a_site_that_was_not_watched_has_no_figure(declared: Api) -> None:
    answer = await declared.sla.QuerySla(
        sla_pb2.QuerySlaRequest(
            subject="sites/martin-www", start_time=timestamp(MONDAY - 9 * HOUR), end_time=timestamp(MONDAY - HOUR)
        )
    )
    (figure,) = answer.figures
    assert not figure.HasField("availability")
    assert not figure.HasField("completeness")
    assert not answer.HasField("mean_availability")


async def test_without_an_end_figures_go_up_to_now(declared: Api) -> None:
    declared.intervals("martin-www", (MONDAY, None, State.UP))
    before = datetime.now(UTC)
    answer = await declared.sla.QuerySla(
        sla_pb2.QuerySlaRequest(subject="sites/martin-www", start_time=timestamp(before - HOUR))
    )
    assert before <= answer.end_time.ToDatetime(UTC) <= datetime.now(UTC)


async def test_regions_show_what_they_can_see_and_who_looks(declared: Api, nats_url: str) -> None:
    declared.rows(
        "UPDATE quivive.regions SET blind_time = %s, blind_reason = 'no agent' WHERE name = 'us-east'", MONDAY
    )
    nc = await connect(nats_url, name="test")
    bucket = await nc.jetstream().key_value(subjects.PRESENCE_BUCKET)
    for region, simulated in (("eu-west", True), ("mars", False)):
        presence = bus_pb2.Presence(region=region, agent="a", version="0.1.0", checks=3, simulated=simulated)
        await bucket.put(subjects.presence_key(region, "a"), presence.SerializeToString())
    async with asyncio.timeout(30):
        while True:
            answer = await declared.regions.ListRegions(region_pb2.ListRegionsRequest())
            if len(answer.regions) == 4 and answer.regions[1].agents:
                break
            await asyncio.sleep(0.05)
    await nc.close()
    ap_south, eu_west, mars, us_east = answer.regions
    assert [region.name for region in answer.regions] == [
        f"regions/{n}" for n in ("ap-south", "eu-west", "mars", "us-east")
    ]
    assert (ap_south.declared, ap_south.blind, len(ap_south.agents)) == (True, False, 0)
    assert (eu_west.simulated, eu_west.agents[0].checks, eu_west.agents[0].version) == (True, 3, "0.1.0")
    assert eu_west.agents[0].HasField("last_seen_time")
    assert (mars.declared, len(mars.agents)) == (False, 1)
    assert (us_east.blind, us_east.blind_reason, us_east.blind_time.ToDatetime(UTC)) == (True, "no agent", MONDAY)


Call = Callable[[Api], Awaitable[Any]]

BAD_REQUESTS: list[tuple[str, str, str, Call]] = [
    ("NOT_FOUND", "SITE_NOT_FOUND", "", lambda a: a.sites.GetSite(site_pb2.GetSiteRequest(name="sites/nobody"))),
    ("INVALID_ARGUMENT", "BAD_NAME", "name", lambda a: a.sites.GetSite(site_pb2.GetSiteRequest(name="martin-www"))),
    ("INVALID_ARGUMENT", "BAD_NAME", "name", lambda a: a.sites.GetSite(site_pb2.GetSiteRequest(name="sites/A\0"))),
    (
        "NOT_FOUND",
        "CUSTOMER_NOT_FOUND",
        "",
        lambda a: a.sites.ListSites(site_pb2.ListSitesRequest(customer="customers/nobody")),
    ),
    (
        "INVALID_ARGUMENT",
        "BAD_PAGE_SIZE",
        "page_size",
        lambda a: a.sites.ListSites(site_pb2.ListSitesRequest(page_size=-1)),
    ),
    (
        "INVALID_ARGUMENT",
        "BAD_PAGE_TOKEN",
        "page_token",
        lambda a: a.sites.ListSites(site_pb2.ListSitesRequest(page_token="xyz")),
    ),
    (
        "NOT_FOUND",
        "INCIDENT_NOT_FOUND",
        "",
        lambda a: a.incidents.GetIncident(incident_pb2.GetIncidentRequest(name="incidents/nothing")),
    ),
    (
        "INVALID_ARGUMENT",
        "BAD_NAME",
        "name",
        lambda a: a.incidents.GetIncident(incident_pb2.GetIncidentRequest(name="incidents/" + "x" * 200)),
    ),
    (
        "INVALID_ARGUMENT",
        "BAD_NAME",
        "subject",
        lambda a: a.incidents.ListIncidents(incident_pb2.ListIncidentsRequest(subject="plans/basic")),
    ),
    (
        "NOT_FOUND",
        "SUBJECT_NOT_FOUND",
        "",
        lambda a: a.incidents.ListIncidents(incident_pb2.ListIncidentsRequest(subject="sites/nobody")),
    ),
    (
        "INVALID_ARGUMENT",
        "BAD_WINDOW",
        "start_time",
        lambda a: a.sla.QuerySla(sla_pb2.QuerySlaRequest(subject="sites/martin-www")),
    ),
    (
        "INVALID_ARGUMENT",
        "BAD_WINDOW",
        "start_time",
        lambda a: a.sla.QuerySla(
            sla_pb2.QuerySlaRequest(
                subject="sites/martin-www", start_time=timestamp(MONDAY), end_time=timestamp(MONDAY)
            )
        ),
    ),
    (
        "INVALID_ARGUMENT",
        "BAD_WINDOW",
        "end_time",
        lambda a: a.sla.QuerySla(
            sla_pb2.QuerySlaRequest(
                subject="sites/martin-www",
                start_time=timestamp(MONDAY),
                end_time=timestamp(datetime.now(UTC) + HOUR),
            )
        ),
    ),
    (
        "INVALID_ARGUMENT",
        "BAD_WINDOW",
        "start_time",
        lambda a: a.sla.QuerySla(
            sla_pb2.QuerySlaRequest(subject="sites/martin-www", start_time=timestamp(MONDAY - 3000 * 24 * HOUR))
        ),
    ),
    (
        "INVALID_ARGUMENT",
        "BAD_WINDOW",
        "start_time",
        lambda a: a.sla.QuerySla(sla_pb2.QuerySlaRequest(subject="sites/martin-www", start_time=Timestamp(nanos=-5))),
    ),
    (
        "NOT_FOUND",
        "SUBJECT_NOT_FOUND",
        "",
        lambda a: a.sla.QuerySla(sla_pb2.QuerySlaRequest(subject="customers/nobody", start_time=timestamp(MONDAY))),
    ),
    (
        "NOT_FOUND",
        "CUSTOMER_NOT_FOUND",
        "",
        lambda a: a.reports.RenderReport(report_pb2.RenderReportRequest(customer="customers/no", month="2026-03")),
    ),
    (
        "INVALID_ARGUMENT",
        "BAD_MONTH",
        "month",
        lambda a: a.reports.RenderReport(report_pb2.RenderReportRequest(customer="customers/martin", month="March")),
    ),
    (
        "INVALID_ARGUMENT",
        "BAD_MONTH",
        "month",
        lambda a: a.reports.RenderReport(report_pb2.RenderReportRequest(customer="customers/martin", month="2999-01")),
    ),
]


async def test_wrong_requests_are_refused_with_code_reason_and_field(declared: Api) -> None:
    for code, reason, field, call in BAD_REQUESTS:
        answer = await refused(call(declared))
        assert (answer.code.name, answer.reason, answer.domain) == (code, reason, "quivive")
        assert [violation[0] for violation in answer.violations] == ([field] if field else [])
        assert answer.message
