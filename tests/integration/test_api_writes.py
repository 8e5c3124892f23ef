"""Changes by calls: the same as an apply would have made, all or nothing, and never over somebody else's."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import nats
import pytest
from api_server import CONFIGURATION, Api, refusal
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from quivive.domain.checks import slice_of
from quivive.subjects import CHECKS_BUCKET, check_key
from quivive.v1 import (
    bus_pb2,
    customer_pb2,
    maintenance_pb2,
    plan_pb2,
    region_pb2,
    site_pb2,
    sla_pb2,
)

REQUEST = "7b0cb1b4-8e3c-4f0e-9a3c-1c3f6a1f2d4e"


@pytest.fixture
async def declared(api: Api) -> Api:
    await api.apply(CONFIGURATION)
    return api


async def refused(call: Any) -> tuple[str, str, list[str]]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    answer = refusal(caught.value)
    return answer.code.name, answer.reason, [field for field, _ in answer.violations]


def site(**fields: Any) -> site_pb2.Site:
    return site_pb2.Site(**{"customer": "customers/martin", "url": "https://shop.example/", **fields})


async def on_the_bus(api: Api, nats_url: str, name: str, wanted: Callable[[bus_pb2.CheckSpec | None], bool]) -> None:
    """The check in the agents' bucket is as it should be, within 5 s."""
    nc = await nats.connect(nats_url)
    try:
        bucket = await nc.jetstream().key_value(CHECKS_BUCKET)
        check = api.check_id(name)
        deadline = asyncio.get_running_loop().time() + 5
        while True:
            try:
                spec = bus_pb2.CheckSpec.FromString((await bucket.get(check_key(slice_of(check), check))).value or b"")
            except nats.js.errors.KeyNotFoundError:
                spec = None
            if wanted(spec):
                return
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.05)
    finally:
        await nc.close()


async def test_a_created_site_is_an_applied_one_and_with_the_agents_within_seconds(
    declared: Api, nats_url: str
) -> None:
    made = await declared.sites.CreateSite(
        site_pb2.CreateSiteRequest(
            site_id="shop",
            site=site(
                interval=Duration(seconds=30),
                tags=["Shop", "host-a"],
                expect=site_pb2.Expectation(status=["200", "3xx"], body_contains="Welcome"),
                declared_checks=[
                    site_pb2.DeclaredCheck(name="mail", tcp=site_pb2.TcpQuestion(host="mx.shop.example", port=25))
                ],
                headers={"X-Check": "yes"},
            ),
        )
    )
    assert [check.name for check in made.checks] == ["sites/shop/checks/http", "sites/shop/checks/mail"]
    assert made.etag
    await on_the_bus(declared, nats_url, "shop", lambda spec: spec is not None and spec.http.body_contains == "Welcome")
    same = {
        "id": "shop",
        "customer": "martin",
        "url": "https://shop.example/",
        "interval": "30s",
        "tags": ["Shop", "host-a"],
        "expect": {"status": [200, "3xx"], "body_contains": "Welcome"},
        "checks": [{"name": "mail", "tcp": {"host": "mx.shop.example", "port": 25}}],
        "headers": {"X-Check": "yes"},
    }
    assert [change for change in await declared.apply({"sites": [same]}) if change[1] == "sites/shop"] == []
    assert await declared.sites.GetSite(site_pb2.GetSiteRequest(name="sites/shop")) == made


async def test_the_same_request_id_creates_one_site(declared: Api) -> None:
    request = site_pb2.CreateSiteRequest(site=site(), request_id=REQUEST)
    first, second = await declared.sites.CreateSite(request), await declared.sites.CreateSite(request)
    assert first.name == second.name == "sites/shop-example"
    assert (await refused(declared.sites.CreateSite(site_pb2.CreateSiteRequest(site=site()))))[:2] == (
        "ALREADY_EXISTS",
        "ALREADY_EXISTS",
    )
    other = site_pb2.CreateSiteRequest(site=site(tags=["x"]), request_id=REQUEST)
    assert await refused(declared.sites.CreateSite(other)) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED", ["request_id"])


async def test_a_wrong_field_is_named_by_its_path_and_nothing_is_done(declared: Api) -> None:
    wrong = site(
        customer="customers/nobody",
        interval=Duration(seconds=1),
        declared_checks=[site_pb2.DeclaredCheck(name="x", tcp=site_pb2.TcpQuestion(host="h.example", port=99999))],
    )
    code, reason, fields = await refused(declared.sites.CreateSite(site_pb2.CreateSiteRequest(site_id="x", site=wrong)))
    assert (code, reason, fields) == ("INVALID_ARGUMENT", "BAD_SITE", ["site.declared_checks[0].tcp.port"])
    wrong.declared_checks[0].tcp.port = 25
    code, reason, fields = await refused(declared.sites.CreateSite(site_pb2.CreateSiteRequest(site_id="x", site=wrong)))
    assert (code, reason) == ("INVALID_ARGUMENT", "BAD_SITE")
    assert set(fields) == {"site.customer", "site.interval"}
    wrong = site()
    wrong.more.update({"unheard_of": 1})
    assert (await refused(declared.sites.CreateSite(site_pb2.CreateSiteRequest(site_id="x", site=wrong))))[2] == [
        "site.unheard_of"
    ]
    assert len((await declared.sites.ListSites(site_pb2.ListSitesRequest())).sites) == 1


async def test_concurrent_edits_meet_aborted_and_none_is_lost(declared: Api) -> None:
    before = await declared.sites.GetSite(site_pb2.GetSiteRequest(name="sites/martin-www"))

    async def edit(tag: str) -> str:
        wanted = site_pb2.Site(name=before.name, etag=before.etag, tags=[tag])
        try:
            await declared.sites.UpdateSite(site_pb2.UpdateSiteRequest(site=wanted))
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return tag

    answers = await asyncio.gather(*(edit(f"t{n}") for n in range(6)))
    assert sorted(answers)[:5] == ["ABORTED"] * 5
    (winner,) = (answer for answer in answers if answer != "ABORTED")
    after = await declared.sites.GetSite(site_pb2.GetSiteRequest(name="sites/martin-www"))
    assert list(after.tags) == [winner]
    assert after.expect.body_contains == before.expect.body_contains


async def test_a_mask_says_what_is_changed_and_what_is_cleared(declared: Api) -> None:
    wanted = site_pb2.Site(name="sites/martin-www", timeout=Duration(seconds=3), url="https://elsewhere.example/")
    mask = FieldMask(paths=["timeout", "expect.body_contains", "headers"])
    after = await declared.sites.UpdateSite(site_pb2.UpdateSiteRequest(site=wanted, update_mask=mask))
    assert after.timeout.seconds == 3
    assert after.url == "https://www.boulangerie-martin.example/"
    assert list(after.expect.status) == ["200"]
    assert not after.expect.body_contains
    assert not after.headers
    bad = site_pb2.UpdateSiteRequest(site=wanted, update_mask=FieldMask(paths=["timeout", "colour"]))
    assert (await refused(declared.sites.UpdateSite(bad)))[2] == ["update_mask.paths[1]"]
    whole = site_pb2.Site(name="sites/martin-www", customer="customers/martin", url="https://new.example/")
    after = await declared.sites.UpdateSite(site_pb2.UpdateSiteRequest(site=whole, update_mask=FieldMask(paths=["*"])))
    assert (after.url, list(after.expect.status), len(after.maintenance)) == ("https://new.example/", [], 0)


async def test_pausing_takes_the_check_from_the_agents_and_resuming_brings_it_back(
    declared: Api, nats_url: str
) -> None:
    for _ in range(2):
        assert (await declared.sites.PauseSite(site_pb2.PauseSiteRequest(name="sites/martin-www"))).paused
    await on_the_bus(declared, nats_url, "martin-www", lambda spec: spec is None)
    assert not (await declared.sites.ResumeSite(site_pb2.ResumeSiteRequest(name="sites/martin-www"))).paused
    await on_the_bus(declared, nats_url, "martin-www", lambda spec: spec is not None)
    assert (await refused(declared.sites.PauseSite(site_pb2.PauseSiteRequest(name="sites/martin-www", etag="old"))))[
        :2
    ] == ("ABORTED", "CHANGED_MEANWHILE")


async def test_a_deleted_site_is_gone_and_deleting_it_again_may_be_fine(declared: Api) -> None:
    await declared.sites.DeleteSite(site_pb2.DeleteSiteRequest(name="sites/martin-www"))
    again = site_pb2.DeleteSiteRequest(name="sites/martin-www")
    assert (await refused(declared.sites.DeleteSite(again)))[:2] == ("NOT_FOUND", "SITE_NOT_FOUND")
    again.allow_missing = True
    await declared.sites.DeleteSite(again)


async def test_sites_are_found_sorted_and_skipped(declared: Api) -> None:
    for n in range(5):
        await declared.sites.CreateSite(
            site_pb2.CreateSiteRequest(
                site_id=f"s{n}", site=site(url=f"https://{9 - n}.example/", tags=["new", f"n{n}"])
            )
        )
    await declared.sites.PauseSite(site_pb2.PauseSiteRequest(name="sites/s3"))

    async def found(**fields: Any) -> list[str]:
        names: list[str] = []
        token = ""
        while True:
            page = await declared.sites.ListSites(site_pb2.ListSitesRequest(page_token=token, **fields))
            names += [entry.name.removeprefix("sites/") for entry in page.sites]
            token = page.next_page_token
            if not token:
                return names

    assert await found(filter="tag = new AND paused = false", page_size=2) == ["s0", "s1", "s2", "s4"]
    assert await found(filter='url : "9.EXAMPLE"') == ["s0"]
    assert await found(filter="customer != customers/martin") == []
    assert await found(filter="tag = new", order_by="url", page_size=2) == ["s4", "s3", "s2", "s1", "s0"]
    assert await found(order_by="state desc, name desc", page_size=4) == ["s3", "s4", "s2", "s1", "s0", "martin-www"]
    assert await found(filter="tag = new", skip=3) == ["s3", "s4"]
    for wrong in ("tag", "tag = ", "colour = red", "tag = a OR tag = b", "state = GREEN"):
        call = declared.sites.ListSites(site_pb2.ListSitesRequest(filter=wrong))
        assert await refused(call) == ("INVALID_ARGUMENT", "BAD_FILTER", ["filter"]), wrong


async def test_a_customer_and_a_plan_change_the_checks_that_they_reach(declared: Api, nats_url: str) -> None:
    plan = plan_pb2.Plan(
        title="Gold", interval=Duration(seconds=45), response_target=Duration(seconds=600), channels=["email"]
    )
    plan.more.update({"keep_results": "60d"})
    made = await declared.plans.CreatePlan(plan_pb2.CreatePlanRequest(plan_id="gold", plan=plan))
    assert (made.version, made.interval.seconds, made.more["keep_results"]) == (1, 45, "60d")
    await declared.customers.UpdateCustomer(
        customer_pb2.UpdateCustomerRequest(customer=customer_pb2.Customer(name="customers/martin", plan="plans/gold"))
    )
    await on_the_bus(declared, nats_url, "martin-www", lambda spec: spec is not None and spec.interval.seconds == 45)
    newer = plan_pb2.Plan(name="plans/gold", interval=Duration(seconds=50), etag=made.etag)
    after = await declared.plans.UpdatePlan(plan_pb2.UpdatePlanRequest(plan=newer))
    assert (after.version, after.title, after.more["keep_results"]) == (2, "Gold", "60d")
    await on_the_bus(declared, nats_url, "martin-www", lambda spec: spec is not None and spec.interval.seconds == 50)
    assert (await refused(declared.plans.UpdatePlan(plan_pb2.UpdatePlanRequest(plan=newer))))[0] == "ABORTED"
    versions = await declared.plans.ListPlanVersions(plan_pb2.ListPlanVersionsRequest(name="plans/gold"))
    assert [(one.version, one.interval.seconds) for one in versions.plans] == [(2, 50), (1, 45)]
    old = await declared.plans.GetPlan(plan_pb2.GetPlanRequest(name="plans/gold", version=1))
    assert old.interval.seconds == 45
    assert (await refused(declared.plans.DeletePlan(plan_pb2.DeletePlanRequest(name="plans/gold"))))[:2] == (
        "FAILED_PRECONDITION",
        "PLAN_IN_USE",
    )


async def test_customers_come_and_go(declared: Api) -> None:
    customer = customer_pb2.Customer(
        title="Dupont", plan="plans/basic", locale="fr", timezone="Europe/Paris", holidays="FR"
    )
    customer.more.update({"contacts": [{"email": "jean@dupont.example"}]})
    request = customer_pb2.CreateCustomerRequest(customer_id="dupont", customer=customer, request_id=REQUEST)
    made = await declared.customers.CreateCustomer(request)
    assert await declared.customers.CreateCustomer(request) == made
    assert (made.title, made.site_count, made.more["contacts"][0]["email"]) == ("Dupont", 0, "jean@dupont.example")
    listed = await declared.customers.ListCustomers(
        customer_pb2.ListCustomersRequest(filter="locale = fr", page_size=1)
    )
    assert [one.name for one in listed.customers] == ["customers/dupont"]
    assert listed.next_page_token
    delete = customer_pb2.DeleteCustomerRequest(name="customers/martin")
    assert (await refused(declared.customers.DeleteCustomer(delete)))[:2] == ("FAILED_PRECONDITION", "CUSTOMER_IN_USE")
    delete.force = True
    await declared.customers.DeleteCustomer(delete)
    assert not (await declared.sites.ListSites(site_pb2.ListSitesRequest())).sites


async def test_a_drained_region_looks_at_nothing_until_it_is_taken_back(declared: Api, nats_url: str) -> None:
    drained = await declared.regions.DrainRegion(region_pb2.DrainRegionRequest(name="regions/us-east"))
    assert (drained.drained, drained.checks) == (True, 0)
    await on_the_bus(
        declared,
        nats_url,
        "martin-www",
        lambda spec: spec is not None and list(spec.regions) == ["ap-south", "eu-west"],
    )
    # An applied file that says nothing of it leaves it as it is.
    assert ("UPDATE", "regions/us-east") not in [
        change[:2] for change in await declared.apply({"regions": [{"id": "us-east"}]})
    ]
    assert (await declared.regions.GetRegion(region_pb2.GetRegionRequest(name="regions/us-east"))).drained
    await declared.regions.DrainRegion(region_pb2.DrainRegionRequest(name="regions/ap-south"))
    last = declared.regions.DrainRegion(region_pb2.DrainRegionRequest(name="regions/eu-west"))
    assert await refused(last) == ("INVALID_ARGUMENT", "BAD_REGION", ["region.drained"])
    assert (await refused(declared.regions.DeleteRegion(region_pb2.DeleteRegionRequest(name="regions/eu-west"))))[
        :2
    ] == ("FAILED_PRECONDITION", "REGION_IN_USE")
    back = await declared.regions.UndrainRegion(region_pb2.UndrainRegionRequest(name="regions/us-east"))
    assert (back.drained, back.checks) == (False, 1)
    await declared.regions.CreateRegion(
        region_pb2.CreateRegionRequest(region_id="sa-east", region=region_pb2.Region(title="São Paulo"))
    )
    await declared.regions.DeleteRegion(region_pb2.DeleteRegionRequest(name="regions/sa-east"))
    events = declared.rows(
        "SELECT region, kind FROM quivive.region_events WHERE kind LIKE '%%drained' ORDER BY event_id"
    )
    assert events == [("us-east", "drained"), ("ap-south", "drained"), ("us-east", "undrained")]


async def test_maintenance_is_declared_with_its_site(declared: Api) -> None:
    window = maintenance_pb2.MaintenanceWindow(cron="30 4 * * MON", duration=Duration(seconds=1800))
    made = await declared.maintenance.CreateMaintenance(
        maintenance_pb2.CreateMaintenanceRequest(parent="sites/martin-www", window=window)
    )
    assert made.window == window
    assert made.next_end_time.seconds - made.next_start_time.seconds == 1800
    listed = await declared.maintenance.ListMaintenance(
        maintenance_pb2.ListMaintenanceRequest(parent="customers/martin")
    )
    assert [one.window.cron for one in listed.maintenance] == ["0 3 * * SUN", "30 4 * * MON"]
    found = await declared.sites.GetSite(site_pb2.GetSiteRequest(name="sites/martin-www"))
    assert [one.cron for one in found.maintenance] == ["0 3 * * SUN", "30 4 * * MON"]
    await declared.maintenance.DeleteMaintenance(maintenance_pb2.DeleteMaintenanceRequest(name=made.name))
    gone = declared.maintenance.GetMaintenance(maintenance_pb2.GetMaintenanceRequest(name=made.name))
    assert (await refused(gone))[:2] == ("NOT_FOUND", "MAINTENANCE_NOT_FOUND")
    bad = maintenance_pb2.MaintenanceWindow(cron="not a cron", duration=Duration(seconds=60))
    call = declared.maintenance.CreateMaintenance(
        maintenance_pb2.CreateMaintenanceRequest(parent="sites/martin-www", window=bad)
    )
    assert await refused(call) == ("INVALID_ARGUMENT", "BAD_WINDOW", ["window.cron"])


async def test_silences_come_and_go(declared: Api) -> None:
    silence = maintenance_pb2.Silence(subject="sites/martin-www", reason="the host moves")
    silence.end_time.FromDatetime(datetime.now(UTC) + timedelta(hours=2))
    request = maintenance_pb2.CreateSilenceRequest(silence=silence, request_id=REQUEST)
    made = await declared.silences.CreateSilence(request)
    assert (await declared.silences.CreateSilence(request)).name == made.name
    assert (made.subject, made.person, made.reason) == ("sites/martin-www", "operator", "the host moves")
    active = maintenance_pb2.ListSilencesRequest(active_only=True)
    assert [one.name for one in (await declared.silences.ListSilences(active)).silences] == [made.name]
    for _ in range(2):
        await declared.silences.DeleteSilence(maintenance_pb2.DeleteSilenceRequest(name=made.name))
    assert not (await declared.silences.ListSilences(active)).silences
    (ended,) = (await declared.silences.ListSilences(maintenance_pb2.ListSilencesRequest())).silences
    assert ended.HasField("delete_time")
    silence.end_time.FromDatetime(datetime.now(UTC) + timedelta(days=100))
    call = declared.silences.CreateSilence(maintenance_pb2.CreateSilenceRequest(silence=silence))
    assert await refused(call) == ("INVALID_ARGUMENT", "BAD_WINDOW", ["silence.end_time"])


async def test_targets_and_batches_agree_with_single_figures(declared: Api) -> None:
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    declared.incident("martin-www", "one", start, start + timedelta(minutes=20))
    declared.rows(
        "UPDATE quivive.incidents SET page_time = confirm_time, acknowledge_time = confirm_time + interval '5 min'"
    )
    window = {"start_time": start - timedelta(hours=1), "end_time": start + timedelta(hours=1)}
    targets = await declared.sla.QueryResponseTargets(
        sla_pb2.QueryResponseTargetsRequest(subject="customers/martin", **window)
    )
    (target,) = targets.targets
    assert (target.incident, target.standing) == ("incidents/one", sla_pb2.ResponseTarget.STANDING_MET)
    assert target.due_time.seconds - target.page_time.seconds == target.target.seconds == 1800
    assert targets.totals.met == 1
    await declared.sites.UpdateSite(
        site_pb2.UpdateSiteRequest(site=site_pb2.Site(name="sites/martin-www", tags=["bread"]))
    )
    batch = await declared.sla.BatchQuerySla(
        sla_pb2.BatchQuerySlaRequest(subjects=["customers/martin"], tag="bread", **window)
    )
    single = await declared.sla.QuerySla(sla_pb2.QuerySlaRequest(subject="sites/martin-www", **window))
    assert [one.subject for one in batch.subjects] == ["customers/martin", "sites/martin-www"]
    for one in batch.subjects:
        assert list(one.figures) == list(single.figures)
