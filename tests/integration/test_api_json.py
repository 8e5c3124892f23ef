"""The JSON face: gRPC's answers, for those without gRPC."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from api_server import CONFIGURATION, Api
from calling import TWO, make_token

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def two(api: Api) -> Api:
    await api.apply(TWO)
    api.incident("martin-www", "martins-outage", START, START + timedelta(minutes=10))
    api.incident("dupont-www", "duponts-outage", START + timedelta(hours=1))
    return api


async def get(api: Api, path: str, token: str | None = None, **parameters: Any) -> httpx.Response:
    header = {"Authorization": f"Bearer {api.token if token is None else token}"}
    return await api.web.get(path, params=parameters, headers=header)


async def test_sites_incidents_and_figures_are_what_the_command_prints(two: Api) -> None:
    sites = (await get(two, "/api/v1/sites", page_size=1)).json()
    assert [(site["name"], site["state"], site["customer"]) for site in sites["sites"]] == [
        ("sites/dupont-www", "UNKNOWN", "customers/dupont")
    ]
    rest = (await get(two, "/api/v1/sites", page_size=1, page_token=sites["next_page_token"])).json()
    assert rest["sites"][0]["url"] == CONFIGURATION["sites"][0]["url"]
    assert rest["next_page_token"] == ""
    assert (await get(two, "/api/v1/sites/martin-www")).json()["name"] == "sites/martin-www"
    incidents = (await get(two, "/api/v1/incidents", open_only="true")).json()["incidents"]
    assert [incident["name"] for incident in incidents] == ["incidents/duponts-outage"]
    one = (await get(two, "/api/v1/incidents/martins-outage")).json()
    assert {
        "name",
        "site",
        "state",
        "start_time",
        "confirm_time",
        "acknowledge_time",
        "resolve_time",
        "cause",
    } <= one.keys()
    assert [event["kind"] for event in one["events"]] == ["confirmed", "paged", "resolved"]
    begin = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    figures = (await get(two, "/api/v1/sla", subject="customers/martin", start_time=begin, granularity="day")).json()
    assert {"availability", "completeness", "lower_bound", "upper_bound", "up_seconds"} <= figures["figures"][0].keys()


async def test_refusals_have_a_reason_and_the_status_of_http(two: Api) -> None:
    for path, parameters, code, reason in (
        ("/api/v1/sites/nobody", {}, 404, "SITE_NOT_FOUND"),
        ("/api/v1/nothing", {}, 404, "NO_SUCH_ADDRESS"),
        ("/api/v1/sites", {"colour": "red"}, 400, "UNKNOWN_PARAMETER"),
        ("/api/v1/sites", {"page_size": "many"}, 400, "BAD_VALUE"),
        ("/api/v1/sites", {"filter": "x"}, 400, "BAD_FILTER"),
        ("/api/v1/sla", {"subject": "sites/martin-www", "granularity": "fortnight"}, 400, "BAD_VALUE"),
        ("/api/v1/sla", {"subject": "sites/martin-www", "start_time": "soon"}, 400, "BAD_TIME"),
        ("/api/v1/sites/%00", {}, 400, "BAD_NAME"),
    ):
        answer = await get(two, path, **parameters)
        body = answer.json()["error"]
        assert (answer.status_code, body["code"], body["details"][0]["reason"]) == (code, code, reason), path
    assert (await two.web.get("/api/v1/sites")).status_code == 401
    nobody = await get(two, "/api/v1/sites", token="x")
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, 'Bearer realm="quivive"')
    assert (await two.web.post("/api/v1/sites", headers={"Authorization": f"Bearer {two.token}"})).status_code == 405


async def test_a_customer_gets_what_is_theirs(two: Api) -> None:
    token = (await make_token(two, "CUSTOMER", "customers/martin")).secret
    sites = (await get(two, "/api/v1/sites", token=token)).json()["sites"]
    assert [site["name"] for site in sites] == ["sites/martin-www"]
    theirs = (await get(two, "/api/v1/sites/dupont-www", token=token)).json()["error"]
    missing = (await get(two, "/api/v1/sites/nobody-www", token=token)).json()["error"]
    assert theirs["message"].replace("dupont", "nobody") == missing["message"]
    metrics = (await get(two, "/metrics/sites", token=token)).text
    assert "martin-www" in metrics
    assert "dupont" not in metrics


async def test_sites_have_metrics_of_their_own(two: Api) -> None:
    two.rows(
        "INSERT INTO quivive.certificates VALUES (%s, 'www.boulangerie-martin.example', 'f', '192.0.2.7:443', 's', 'i', '{}',"
        " now(), to_timestamp(1800000000), 'TLSv1.3', 'c', true, now(), now())",
        two.check_id("martin-www"),
    )
    check, today = two.check_id("martin-www"), datetime.now(UTC)
    two.rows("SELECT quivive.make_partition(%s)", today.date())
    two.rows(
        "INSERT INTO quivive.results (check_id, slot, end_time, revision, dns, connect, tls, first_byte, transfer, region,"
        " attempt, outcome, cause, http_status) SELECT %s, %s, %s, 1, 100, 200, 300, 400, 234, region_id, 0, 1, 0, 200"
        " FROM quivive.regions WHERE name = 'eu-west'",
        *(check, today, today),
    )
    text = (await get(two, "/metrics/sites")).text
    assert 'quivive_site_state{site="martin-www",customer="martin",state="UNKNOWN"} 1' in text
    assert 'quivive_site_state{site="martin-www",customer="martin",state="UP"} 0' in text
    assert 'quivive_site_latency_seconds{site="martin-www",check="http",region="eu-west"} 0.1234' in text
    host = 'site="martin-www",check="http",host="www.boulangerie-martin.example"'
    assert f"quivive_site_certificate_expiry_seconds{{{host}}} 1800000000" in text
