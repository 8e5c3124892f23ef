"""Applying configurations to a real server: what is written, what is refused, and that a refusal leaves everything as it was."""

import json
from copy import deepcopy
from typing import Any

import grpc
import pytest
from api_server import CONFIGURATION, Api, Refusal, refusal

from quivive.v1 import bus_pb2


def declared(**changes: Any) -> dict[str, Any]:
    """The usual configuration with fields of its site changed."""
    configuration = deepcopy(CONFIGURATION)
    configuration["sites"][0].update(changes)
    return configuration


def specs(api: Api) -> dict[str, bus_pb2.CheckSpec]:
    """The live checks' current specs by name."""
    rows = api.rows(
        "SELECT r.spec FROM quivive.checks AS c JOIN quivive.check_revisions AS r USING (check_id, revision)"
        " WHERE c.delete_time IS NULL"
    )
    found = [bus_pb2.CheckSpec.FromString(spec) for (spec,) in rows]
    return {spec.name: spec for spec in found}


def everything(api: Api) -> list[Any]:
    """All that an apply could have touched."""
    tables = ("configuration", "plans", "customers", "regions", "sites", "channels", "checks", "check_revisions")
    return [
        api.rows(f"SELECT to_jsonb(t) FROM quivive.{table} AS t ORDER BY to_jsonb(t)::text")
        for table in (*tables, "maintenance", "region_events")
    ]


async def refused(api: Api, configuration: dict[str, Any] | str, *, prune: bool = False) -> Refusal:
    """Apply what has to be refused; nothing may have changed."""
    before = everything(api)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await api.apply(configuration, prune=prune)
    assert everything(api) == before
    result = refusal(caught.value)
    assert (result.code, result.reason, result.domain) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "BAD_CONFIGURATION",
        "quivive",
    )
    return result


async def test_a_first_apply_creates_everything(api: Api) -> None:
    changes = await api.apply(CONFIGURATION)
    assert [(action, name) for action, name, _ in changes if action != "KEEP"] == [
        ("CREATE", "regions/ap-south"),
        ("CREATE", "regions/eu-west"),
        ("CREATE", "regions/us-east"),
        ("CREATE", "customers/martin"),
        ("CREATE", "sites/martin-www"),
        ("CREATE", "channels/ops"),
    ]
    (spec,) = specs(api).values()
    assert spec.name == "sites/martin-www/checks/http"
    assert (spec.revision, spec.interval.seconds, spec.timeout.seconds) == (1, 30, 10)
    assert list(spec.regions) == ["ap-south", "eu-west", "us-east"]
    assert (spec.down_attempts, spec.attempt_gap.ToMilliseconds()) == (2, 500)
    assert spec.http.url == "https://www.boulangerie-martin.example/"
    assert dict(spec.http.headers) == {"X-Check": "yes"}
    assert (list(spec.http.expect_status), spec.http.body_contains) == ([200], "Boulangerie")
    assert 0 < spec.id < 2**63
    assert api.rows("SELECT cron, duration_us FROM quivive.maintenance") == [("0 3 * * SUN", 3_600_000_000)]
    assert api.rows("SELECT region, kind FROM quivive.region_events ORDER BY region") == [
        ("ap-south", "declared"),
        ("eu-west", "declared"),
        ("us-east", "declared"),
    ]
    assert api.rows("SELECT revision FROM quivive.configuration") == [(1,)]


async def test_applying_the_same_again_changes_nothing(api: Api) -> None:
    await api.apply(CONFIGURATION)
    before = everything(api)
    changes = await api.apply(CONFIGURATION, prune=True)
    assert {action for action, _, _ in changes} == {"KEEP"}
    assert {name for _, name, _ in changes} == {"plans/basic", "plans/standard", "plans/premium"}
    assert everything(api) == before


async def test_validation_alone_says_the_changes_and_makes_none(api: Api) -> None:
    before = everything(api)
    changes = await api.apply(CONFIGURATION, validate_only=True)
    assert ("CREATE", "sites/martin-www") in [(action, name) for action, name, _ in changes]
    assert everything(api) == before


async def test_a_changed_check_gets_a_new_revision_and_keeps_its_id(api: Api) -> None:
    await api.apply(CONFIGURATION)
    (before,) = specs(api).values()
    changes = await api.apply(declared(interval="1min", timeout="5s"))
    assert ("UPDATE", "sites/martin-www", ["interval: 1min", "timeout: 5s"]) in changes
    (after,) = specs(api).values()
    assert (after.id, after.revision) == (before.id, 2)
    assert (after.interval.seconds, after.timeout.seconds) == (60, 5)
    assert api.rows("SELECT count(*) FROM quivive.check_revisions") == [(2,)]


async def test_a_plan_s_new_interval_reaches_sites_that_are_not_in_the_file(api: Api) -> None:
    await api.apply(CONFIGURATION)
    plan = {
        "id": "premium",
        "title": "Premium",
        "interval": "20s",
        "response_target": "30min",
        "channels": ["email"],
    }
    changes = await api.apply({"plans": [plan]})
    assert ("UPDATE", "sites/martin-www", ["http interval: 30s -> 20s"]) in changes
    assert next(iter(specs(api).values())).interval.seconds == 20
    assert api.rows("SELECT max(version) FROM quivive.plans WHERE plan_id = 'premium'") == [(2,)]


async def test_a_plan_says_how_long_results_and_aggregates_are_kept(api: Api) -> None:
    plan = {"id": "premium", "title": "Premium", "interval": "30s", "response_target": "30min", "channels": ["email"]}
    kept = "SELECT results_days, aggregates_days FROM quivive.current_plans WHERE plan_id = 'premium'"
    changes = await api.apply({"plans": [{**plan, "keep_results": "10d", "keep_aggregates": "400d"}]})
    assert api.rows(kept) == [(10, 400)]
    (lines,) = [lines for _, name, lines in changes if name == "plans/premium"]
    assert {"keep_results: 10d", "keep_aggregates: 400d"} <= set(lines)
    again = await api.apply({"plans": [{**plan, "keep_results": "10d", "keep_aggregates": "400d"}]})
    assert {action for action, _, _ in again} == {"KEEP"}
    await api.apply({"plans": [plan]})
    assert api.rows(kept) == [(30, 730)]


async def test_a_new_region_watches_the_sites_that_name_none(api: Api) -> None:
    configuration = deepcopy(CONFIGURATION)
    configuration["sites"].append(
        {"id": "fixed", "customer": "martin", "url": "https://fixed.example/", "regions": ["us-east", "eu-west"]}
    )
    first = await api.apply(configuration)
    assert any("two regions" in line for _, name, lines in first if name == "sites/fixed" for line in lines)
    changes = await api.apply({"regions": [{"id": "sa-east"}]})
    assert [(action, name) for action, name, _ in changes if action != "KEEP"] == [
        ("CREATE", "regions/sa-east"),
        ("UPDATE", "sites/martin-www"),
    ]
    found = specs(api)
    assert list(found["sites/martin-www/checks/http"].regions) == ["ap-south", "eu-west", "sa-east", "us-east"]
    assert list(found["sites/fixed/checks/http"].regions) == ["eu-west", "us-east"]
    assert found["sites/fixed/checks/http"].revision == 1


async def test_a_lone_region_has_to_be_surer(api: Api) -> None:
    await api.apply(declared(regions=["eu-west"]))
    (spec,) = specs(api).values()
    assert (spec.down_attempts, spec.attempt_gap.ToMilliseconds()) == (3, 5000)


async def test_presets_and_further_checks_become_checks_of_the_site(api: Api) -> None:
    await api.apply(
        declared(
            url="https://shop.example/blog/",
            preset="wordpress",
            checks=[{"name": "cart", "url": "https://shop.example/cart", "interval": "1min", "critical": False}],
        )
    )
    found = specs(api)
    assert {name.rpartition("/")[2]: spec.http.url for name, spec in found.items()} == {
        "http": "https://shop.example/blog/",
        "cart": "https://shop.example/cart",
        "wp-login": "https://shop.example/blog/wp-login.php",
        "rest": "https://shop.example/blog/wp-json/",
        "uncached": "https://shop.example/blog/",
    }
    assert found["sites/martin-www/checks/uncached"].http.uncached
    assert api.rows("SELECT name FROM quivive.checks WHERE critical ORDER BY 1") == [("http",), ("uncached",)]
    assert found["sites/martin-www/checks/cart"].interval.seconds == 60
    assert found["sites/martin-www/checks/rest"].http.body_contains == ""
    await api.apply(declared(url="https://shop.example/blog/"))
    assert set(specs(api)) == {"sites/martin-www/checks/http"}


async def test_a_paused_site_keeps_its_checks_and_their_revision(api: Api) -> None:
    await api.apply(CONFIGURATION)
    changes = await api.apply(declared(paused=True))
    assert ("UPDATE", "sites/martin-www", ["paused: true"]) in changes
    assert api.rows("SELECT paused, revision FROM quivive.checks") == [(True, 1)]
    await api.apply(CONFIGURATION)
    assert api.rows("SELECT paused, revision FROM quivive.checks") == [(False, 1)]


async def test_only_changed_maintenance_is_replaced(api: Api) -> None:
    weekly = {"cron": "0 3 * * SUN", "duration": "1h"}
    single = {"start": "2026-03-01T22:00:00+01:00", "duration": "30min"}
    await api.apply(CONFIGURATION)
    kept = api.rows("SELECT maintenance_id FROM quivive.maintenance")
    await api.apply(declared(maintenance=[weekly, single]))
    live = "SELECT maintenance_id FROM quivive.maintenance WHERE delete_time IS NULL ORDER BY 1"
    assert len(api.rows(live)) == 2
    await api.apply(CONFIGURATION)
    assert api.rows(live) == kept
    await api.apply(declared(maintenance=[{"cron": "0 4 * * SUN", "duration": "1h"}]))
    assert api.rows("SELECT cron FROM quivive.maintenance WHERE delete_time IS NULL") == [("0 4 * * SUN",)]


async def test_what_is_declared_no_more_is_kept_unless_pruned(api: Api) -> None:
    await api.apply(CONFIGURATION)
    rest = {"regions": CONFIGURATION["regions"]}
    kept = await api.apply(rest)
    assert ("KEEP", "sites/martin-www", []) in kept
    assert len(specs(api)) == 1
    pruned = await api.apply(rest, prune=True)
    assert [(action, name) for action, name, _ in pruned if action == "DELETE"] == [
        ("DELETE", "customers/martin"),
        ("DELETE", "sites/martin-www"),
        ("DELETE", "channels/ops"),
    ]
    for table in ("sites", "customers", "channels", "checks", "maintenance"):
        assert api.rows(f"SELECT count(*) FROM quivive.{table} WHERE delete_time IS NULL") == [(0,)]


async def test_pruning_with_a_file_that_names_no_regions_keeps_them(api: Api) -> None:
    await api.apply(CONFIGURATION)
    without = {kind: items for kind, items in CONFIGURATION.items() if kind != "regions"}
    changes = await api.apply(without, prune=True)
    assert ("KEEP", "regions/eu-west", []) in changes
    fewer = {**CONFIGURATION, "regions": CONFIGURATION["regions"][:2]}
    assert ("DELETE", "regions/us-east", []) in await api.apply(fewer, prune=True)
    assert list(next(iter(specs(api).values())).regions) == ["ap-south", "eu-west"]


async def test_a_site_that_comes_back_has_new_checks(api: Api) -> None:
    await api.apply(CONFIGURATION)
    (before,) = specs(api).values()
    await api.apply({"regions": CONFIGURATION["regions"]}, prune=True)
    changes = await api.apply(CONFIGURATION)
    assert ("CREATE", "sites/martin-www") in [(action, name) for action, name, _ in changes]
    (after,) = specs(api).values()
    assert after.id != before.id
    assert after.revision == 1
    assert api.rows("SELECT count(*) FROM quivive.checks") == [(2,)]


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"customer": "martim"}, "sites[0].customer", "there is no customer martim (did you mean martin?)"),
        ({"regions": ["eu-west", "eu-est"]}, "sites[0].regions[1]", "there is no region eu-est"),
        ({"url": "www.example.org"}, "sites[0].url", "has no scheme"),
        ({"url": "ftp://www.example.org"}, "sites[0].url", "ftp is not http or https"),
        ({"interval": 30}, "sites[0].interval", "30 has no unit, write 30s"),
        ({"interval": "5s"}, "sites[0].interval", "5s is shorter than 10s"),
        ({"interval": "15s", "timeout": "20s"}, "sites[0].timeout", "20s is longer than the interval, 15s"),
        ({"colour": "red"}, "sites[0].colour", "unknown key"),
        (
            {"checks": [{"name": "cart", "url": "https://a.example/", "regions": ["mars"]}]},
            "sites[0].checks[0].regions[0]",
            "there is no region mars",
        ),
    ],
)
async def test_a_wrong_site_is_refused_with_its_place(
    api: Api, changes: dict[str, Any], field: str, words: str
) -> None:
    await api.apply(CONFIGURATION)
    result = await refused(api, declared(**changes))
    ((found, description),) = result.violations
    assert found == field
    assert words in description


async def test_every_problem_is_named(api: Api) -> None:
    configuration = deepcopy(CONFIGURATION)
    configuration["customers"][0]["plan"] = "gold"
    configuration["sites"].append({"id": "other", "customer": "nobody", "url": "https://other.example/"})
    result = await refused(api, configuration)
    assert [field for field, _ in result.violations] == ["customers[0].plan", "sites[1].customer"]
    assert "and 1 more" in result.message


async def test_thousands_of_problems_still_make_an_answer(api: Api) -> None:
    site = CONFIGURATION["sites"][0]
    many = {**CONFIGURATION, "sites": [{**site, "id": f"site-{n}", "customer": "nobody"} for n in range(2000)]}
    result = await refused(api, many)
    assert 10 < len(result.violations) < 2000
    assert "and 1999 more" in result.message


@pytest.mark.parametrize("text", ["", "[]", "{", '{"sites": [' * 1000, '{"sites": 1}', '{"x": NaN}', '"\\ud800"'])
async def test_what_is_no_configuration_is_refused(api: Api, text: str) -> None:
    assert (await refused(api, text)).message


async def test_a_site_without_any_region_to_watch_it_is_refused(api: Api) -> None:
    without = {kind: items for kind, items in CONFIGURATION.items() if kind != "regions"}
    result = await refused(api, without)
    assert ("sites[0]", "no region is declared that could watch it") in result.violations


async def test_pruning_a_customer_whose_site_stays_is_refused(api: Api) -> None:
    await api.apply(CONFIGURATION)
    without = {kind: items for kind, items in CONFIGURATION.items() if kind != "customers"}
    result = await refused(api, without, prune=True)
    assert result.violations == [("sites[0].customer", "there is no customer martin; --prune would remove it")]


async def test_more_than_eight_mebibytes_are_refused(api: Api) -> None:
    result = await refused(api, json.dumps({"sites": "x" * (8 * 1024 * 1024)}))
    assert "8 MiB" in result.message


async def test_a_message_beyond_every_limit_is_refused_by_grpc(api: Api) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await api.apply("x" * (11 * 1024 * 1024))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_two_thousand_sites_are_applied_at_once(api: Api) -> None:
    site = CONFIGURATION["sites"][0]
    many = {**CONFIGURATION, "sites": [{**site, "id": f"site-{number}"} for number in range(2000)]}
    await api.apply(many)
    assert api.rows("SELECT count(*), count(DISTINCT check_id) FROM quivive.checks") == [(2000, 2000)]
