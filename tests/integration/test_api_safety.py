"""Who may call what: tokens, roles, customers who cannot learn of each other, limits, TLS, and the audit log."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from api_server import Api, channel_to, refusal, running_api
from calling import TWO, make_token, methods
from google.protobuf.message_factory import GetMessageClass

from api.auth.callers import Role
from api.auth.permissions import PERMISSIONS
from quivive.v1 import (
    audit_pb2,
    configuration_pb2,
    customer_pb2,
    incident_pb2,
    incident_pb2_grpc,
    maintenance_pb2,
    plan_pb2,
    report_pb2,
    result_pb2,
    site_pb2,
    site_pb2_grpc,
    sla_pb2,
    token_pb2,
    token_pb2_grpc,
)

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def two(api: Api) -> Api:
    """Two customers with a site and an incident each."""
    await api.apply(TWO)
    api.incident("martin-www", "martins-outage", START)
    api.incident("dupont-www", "duponts-outage", START)
    return api


@pytest.fixture
async def martin(two: Api) -> AsyncIterator[grpc.aio.Channel]:
    """A channel with a token of customers/martin."""
    made = await make_token(two, "CUSTOMER", "customers/martin")
    async with channel_to(f"127.0.0.1:{two.ports.grpc}", made.secret) as channel:
        yield channel


async def refused(call: Any) -> tuple[str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    answer = refusal(caught.value)
    return answer.code.name, answer.reason


async def call(channel: grpc.aio.Channel, name: str, request: Any = None) -> grpc.StatusCode:
    """The status of a call of a method by its name; of a stream once it has said something."""
    method = methods()[name]
    kind = GetMessageClass(method.input_type)
    coders = {
        "request_serializer": kind.SerializeToString,
        "response_deserializer": GetMessageClass(method.output_type).FromString,
    }
    try:
        if method.server_streaming:
            stream = channel.unary_stream(name, **coders)(request or kind(), timeout=20)
            await stream.read()
            stream.cancel()
        else:
            await channel.unary_unary(name, **coders)(request or kind(), timeout=20)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def test_every_role_may_do_what_the_table_says_and_nothing_else(two: Api) -> None:
    tokens = {
        Role.READER: (await make_token(two, "READER")).secret,
        Role.CUSTOMER: (await make_token(two, "CUSTOMER", "customers/martin")).secret,
    }
    for role, secret in tokens.items():
        async with channel_to(f"127.0.0.1:{two.ports.grpc}", secret) as channel:
            for name in methods():
                permission = PERMISSIONS[name]
                assert permission.roles is not None
                code = await call(channel, name)
                allowed = code not in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)
                assert allowed == (role in permission.roles), (name, role, code)
    async with channel_to(f"127.0.0.1:{two.ports.grpc}", "") as nobody:
        for name in methods():
            assert await call(nobody, name) is grpc.StatusCode.UNAUTHENTICATED, name


async def test_a_token_is_shown_once_hashed_and_ends(two: Api) -> None:
    made = await make_token(two, "READER", title="for Grafana")
    assert made.secret.startswith(f"qv_{made.token.name.removeprefix('tokens/')}_")
    kept = str(two.rows("SELECT t::text FROM quivive.tokens AS t"))
    assert made.secret not in kept
    assert made.secret.rpartition("_")[2] not in kept
    assert "$argon2id$" in kept
    async with channel_to(f"127.0.0.1:{two.ports.grpc}", made.secret) as channel:
        caller = await token_pb2_grpc.TokenServiceStub(channel).GetCaller(token_pb2.GetCallerRequest())
        assert (caller.token, caller.role, caller.person) == (made.token.name, token_pb2.ROLE_READER, "the reader")
        (listed,) = (await two.tokens.ListTokens(token_pb2.ListTokensRequest())).tokens
        assert (listed.name, listed.title, listed.HasField("last_use_time")) == (made.token.name, "for Grafana", True)
        await two.tokens.RevokeToken(token_pb2.RevokeTokenRequest(name=made.token.name))
        deadline = asyncio.get_running_loop().time() + 20
        while await call(channel, "/quivive.v1.SiteService/ListSites") is not grpc.StatusCode.UNAUTHENTICATED:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.1)
    assert not (await two.tokens.ListTokens(token_pb2.ListTokensRequest())).tokens
    assert len((await two.tokens.ListTokens(token_pb2.ListTokensRequest(show_ended=True))).tokens) == 1


async def test_an_expired_wrong_or_mangled_token_lets_nobody_in(two: Api) -> None:
    made = await make_token(two, "OPERATOR")
    two.rows("UPDATE quivive.tokens SET expire_time = now() - interval '1 s'")
    wrong = {
        made.secret: "TOKEN_EXPIRED",
        made.secret[:-1] + ("A" if made.secret[-1] != "A" else "B"): "UNKNOWN_TOKEN",
        "qv_aaaaaaaa_" + "A" * 40: "UNKNOWN_TOKEN",
        "hello": "UNKNOWN_TOKEN",
        two.token[:-1]: "UNKNOWN_TOKEN",
    }
    for secret, reason in wrong.items():
        async with channel_to(f"127.0.0.1:{two.ports.grpc}", secret) as channel:
            stub = site_pb2_grpc.SiteServiceStub(channel)
            assert await refused(stub.ListSites(site_pb2.ListSitesRequest())) == ("UNAUTHENTICATED", reason)


async def test_a_customer_sees_what_is_theirs_and_no_trace_of_anybody_else(two: Api, martin: grpc.aio.Channel) -> None:
    sites = site_pb2_grpc.SiteServiceStub(martin)
    (site,) = (await sites.ListSites(site_pb2.ListSitesRequest())).sites
    assert site.name == "sites/martin-www"
    assert not site.headers
    assert not site.etag
    (found,) = (await sites.ListSites(site_pb2.ListSitesRequest(order_by="state"))).sites
    assert found.name == "sites/martin-www"
    incidents = incident_pb2_grpc.IncidentServiceStub(martin)
    (incident,) = (await incidents.ListIncidents(incident_pb2.ListIncidentsRequest())).incidents
    assert incident.name == "incidents/martins-outage"
    detailed = await incidents.GetIncident(incident_pb2.GetIncidentRequest(name=incident.name))
    assert {event.kind for event in detailed.events} == {"confirmed"}  # who was paged is not theirs to know


THEIRS = [
    ("SiteService/GetSite", lambda one, site, inc: site_pb2.GetSiteRequest(name=site)),
    ("SiteService/ListSites", lambda one, site, inc: site_pb2.ListSitesRequest(customer=one)),
    ("SiteService/ListSites", lambda one, site, inc: site_pb2.ListSitesRequest(customer=one, order_by="url")),
    ("SiteService/WatchSites", lambda one, site, inc: site_pb2.WatchSitesRequest(customer=one)),
    ("CustomerService/GetCustomer", lambda one, site, inc: customer_pb2.GetCustomerRequest(name=one)),
    ("IncidentService/GetIncident", lambda one, site, inc: incident_pb2.GetIncidentRequest(name=inc)),
    ("IncidentService/ListIncidents", lambda one, site, inc: incident_pb2.ListIncidentsRequest(subject=one)),
    ("IncidentService/ListIncidents", lambda one, site, inc: incident_pb2.ListIncidentsRequest(subject=site)),
    ("IncidentService/WatchIncidents", lambda one, site, inc: incident_pb2.WatchIncidentsRequest(subject=site)),
    ("SlaService/QuerySla", lambda one, site, inc: sla_pb2.QuerySlaRequest(subject=site, month="2026-03")),
    ("SlaService/QuerySla", lambda one, site, inc: sla_pb2.QuerySlaRequest(subject=one, month="2026-03")),
    ("SlaService/BatchQuerySla", lambda one, site, inc: sla_pb2.BatchQuerySlaRequest(subjects=[one], month="2026-03")),
    ("SlaService/QueryLatency", lambda one, site, inc: sla_pb2.QueryLatencyRequest(subject=site, month="2026-03")),
    (
        "SlaService/QueryResponseTargets",
        lambda one, site, inc: sla_pb2.QueryResponseTargetsRequest(subject=one, month="2026-03"),
    ),
    ("ResultService/ListResults", lambda one, site, inc: result_pb2.ListResultsRequest(parent=site)),
    ("ResultService/TailResults", lambda one, site, inc: result_pb2.TailResultsRequest(parent=site)),
    ("ResultService/TailResults", lambda one, site, inc: result_pb2.TailResultsRequest(parent=one)),
    ("MaintenanceService/ListMaintenance", lambda one, site, inc: maintenance_pb2.ListMaintenanceRequest(parent=site)),
    (
        "MaintenanceService/GetMaintenance",
        lambda one, site, inc: maintenance_pb2.GetMaintenanceRequest(name=f"{site}/maintenance/1"),
    ),
    (
        "ReportService/RenderReport",
        lambda one, site, inc: report_pb2.RenderReportRequest(customer=one, month="2026-03"),
    ),
    (
        "PlanService/GetPlan",
        lambda one, site, inc: plan_pb2.GetPlanRequest(name=f"plans/{'basic' if 'dupont' in one else 'no'}"),
    ),
]


async def test_what_is_another_customers_is_answered_as_what_does_not_exist(two: Api, martin: grpc.aio.Channel) -> None:
    for name, ask in THEIRS:
        answers = []
        for word in ("dupont", "nobody"):
            request = ask(f"customers/{word}", f"sites/{word}-www", f"incidents/{word}s-outage")
            method = methods()[f"/quivive.v1.{name}"]
            coders = {
                "request_serializer": type(request).SerializeToString,
                "response_deserializer": GetMessageClass(method.output_type).FromString,
            }
            maker = martin.unary_stream if method.server_streaming else martin.unary_unary
            made = maker(f"/quivive.v1.{name}", **coders)(request, timeout=20)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await (made.read() if method.server_streaming else made)
            answer = refusal(caught.value)
            known = {"basic": "X", "no": "X"} if "Plan" in name else {word: "X"}
            text = answer.message
            for secret, blank in known.items():
                text = text.replace(secret, blank)
            answers.append((answer.code, answer.reason, text))
        assert answers[0] == answers[1], name
        assert answers[0][0] is grpc.StatusCode.NOT_FOUND, name


async def test_too_many_calls_are_told_when_to_come_back(migrated_url: str, nats_url: str) -> None:
    async with running_api(migrated_url, nats_url, api_rate=0.5, api_burst=5) as api:
        codes = [await call(api.channel, "/quivive.v1.RegionService/ListRegions") for _ in range(8)]
        assert codes[:5] == [grpc.StatusCode.OK] * 5
        assert set(codes[5:]) == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert await refused(api.sites.ListSites(site_pb2.ListSitesRequest())) == (
            "RESOURCE_EXHAUSTED",
            "TOO_MANY_CALLS",
        )
        answer = await api.web.get("/api/v1/sites", headers={"Authorization": f"Bearer {api.token}"})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1


async def test_nothing_is_asked_for_where_nothing_is_to_be(migrated_url: str, nats_url: str) -> None:
    async with running_api(migrated_url, nats_url, api_auth="off") as api:
        async with channel_to(f"127.0.0.1:{api.ports.grpc}", "") as channel:
            assert await call(channel, "/quivive.v1.SiteService/ListSites") is grpc.StatusCode.OK
        assert (await api.web.get("/api/v1/sites")).status_code == 200


async def test_tls_shows_a_certificate_and_asks_clients_for_theirs(
    migrated_url: str, nats_url: str, tmp_path: Path
) -> None:
    authority, other = trustme.CA(), trustme.CA()
    ours, theirs = authority.issue_cert("127.0.0.1"), authority.issue_cert("client@agency.example")
    files = {name: tmp_path / f"{name}.pem" for name in ("grpc_cert", "grpc_key", "grpc_client_ca")}
    ours.cert_chain_pems[0].write_to_path(files["grpc_cert"])
    ours.private_key_pem.write_to_path(files["grpc_key"])
    authority.cert_pem.write_to_path(files["grpc_client_ca"])
    async with running_api(migrated_url, nats_url, **files) as api:
        for client, expected in (
            (theirs, grpc.StatusCode.OK),
            (other.issue_cert("x@y.example"), grpc.StatusCode.UNAVAILABLE),
            (None, grpc.StatusCode.UNAVAILABLE),
        ):
            credentials = grpc.ssl_channel_credentials(
                authority.cert_pem.bytes(),
                client.private_key_pem.bytes() if client else None,
                client.cert_chain_pems[0].bytes() if client else None,
            )
            async with grpc.aio.secure_channel(f"127.0.0.1:{api.ports.grpc}", credentials) as channel:
                stub = site_pb2_grpc.SiteServiceStub(channel)
                try:
                    await stub.ListSites(
                        site_pb2.ListSitesRequest(), metadata=(("authorization", f"Bearer {api.token}"),), timeout=20
                    )
                    code = grpc.StatusCode.OK
                except grpc.aio.AioRpcError as error:
                    code = error.code()
                assert code is expected


async def entries(api: Api) -> list[tuple[str, str, str]]:
    found = await api.audit.ListAuditEntries(audit_pb2.ListAuditEntriesRequest(page_size=1000))
    return [(entry.method.partition("/")[2], entry.resource, entry.person) for entry in found.entries]


async def test_every_write_is_put_down_with_its_person_and_no_secret(two: Api) -> None:
    before = len(await entries(two))
    site = site_pb2.Site(
        customer="customers/martin", url="https://new.example/?token=hush", headers={"Authorization": "Bearer hush"}
    )
    await two.sites.CreateSite(site_pb2.CreateSiteRequest(site_id="new", site=site))
    await two.sites.CreateSite(site_pb2.CreateSiteRequest(site_id="dry", site=site, validate_only=True))
    await two.sites.PauseSite(site_pb2.PauseSiteRequest(name="sites/new"))
    await two.incidents.AcknowledgeIncident(incident_pb2.AcknowledgeIncidentRequest(name="incidents/martins-outage"))
    with pytest.raises(grpc.aio.AioRpcError):
        await two.sites.PauseSite(site_pb2.PauseSiteRequest(name="sites/nobody"))
    await two.sites.DeleteSite(site_pb2.DeleteSiteRequest(name="sites/new"))
    await two.apply({**TWO, "sites": TWO["sites"][:1]}, prune=True)
    await two.apply({**TWO, "sites": TWO["sites"][:1]}, prune=True)  # changes nothing, and is nothing to put down
    found = (await entries(two))[: -before or None]
    assert found[::-1] == [
        ("CreateSite", "sites/new", "operator"),
        ("PauseSite", "sites/new", "operator"),
        ("AcknowledgeIncident", "incidents/martins-outage", "operator"),
        ("DeleteSite", "sites/new", "operator"),
        ("ApplyConfiguration", "", "operator"),
    ]
    assert "hush" not in str(two.rows("SELECT a::text FROM quivive.audit_entries AS a"))
    (last, *_) = (await two.audit.ListAuditEntries(audit_pb2.ListAuditEntriesRequest(resource="sites/new"))).entries
    assert last.method == "quivive.v1.SiteService/DeleteSite"


async def test_a_write_that_fails_is_not_put_down(two: Api) -> None:
    before = await entries(two)
    request = configuration_pb2.ApplyConfigurationRequest(configuration='{"sites": [{"id": "x"}]}')
    assert (await refused(two.configuration.ApplyConfiguration(request)))[0] == "INVALID_ARGUMENT"
    late = token_pb2.Token(role=token_pb2.ROLE_READER, person="x")
    late.expire_time.FromDatetime(datetime.now(UTC) - timedelta(days=1))
    assert (await refused(two.tokens.CreateToken(token_pb2.CreateTokenRequest(token=late))))[0] == "INVALID_ARGUMENT"
    assert await entries(two) == before
