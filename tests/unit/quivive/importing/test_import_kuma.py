"""Uptime Kuma's database becomes a configuration that is correct, whatever stands in it."""

from pathlib import Path
from typing import Any

import pytest
from kuma import ODD, monitors, write_kuma

from quivive.configuration import load
from quivive.importing import Imported, Wishes, build, read, summary
from quivive.importing.written import as_yaml

USUAL = Wishes()


def imported(tmp_path: Path, rows: list[dict[str, Any]], wishes: Wishes = USUAL, **options: Any) -> Imported:
    name, found = read(write_kuma(tmp_path / "kuma.db", rows, **options))
    assert name == "uptime-kuma"
    return build(found, wishes)


def one(tmp_path: Path, **row: Any) -> tuple[dict[str, Any], Any]:
    """The site that one monitor becomes, and its fate."""
    made = imported(tmp_path, [{"name": "Shop", "type": "http", "url": "https://shop.example/", "interval": 60, **row}])
    return (made.data["sites"] or [{}])[0], made.fates[0]


@pytest.mark.parametrize("version", [1, 2])
def test_three_hundred_monitors_of_every_type_become_a_correct_configuration(tmp_path: Path, version: int) -> None:
    made = imported(tmp_path, list(monitors(300)), version=version)
    (tmp_path / "quivive.yaml").write_text(as_yaml(made.data), "utf-8")
    loaded = load(tmp_path / "quivive.yaml").configuration
    ids = [site.id for site in loaded.sites]
    assert len(set(ids)) == len(ids) == sum(fate.became.count("/") == 1 for fate in made.fates)
    assert len(made.fates) == 300
    assert all(bool(fate.became) != bool(fate.refusal) for fate in made.fates)
    counts = summary.counts(made.fates)
    assert sum(counts.values()) == 300
    assert min(counts.values()) >= 10, counts
    rows = summary.rows(made.fates)
    assert sum(row.count for row in rows if row.result != "changed") == counts["taken"] + counts["not taken"]
    assert len(rows) < 75, "alike ones stand together"


@pytest.mark.parametrize("version", [1, 2])
def test_no_password_gets_into_the_configuration_or_the_table(tmp_path: Path, version: int) -> None:
    made = imported(tmp_path, list(monitors(300)), version=version)
    said = as_yaml(made.data) + repr([summary.record(fate) for fate in made.fates]) + repr(made) + repr(made.fates)
    assert "hunter2" not in said.replace("hunter2-url", "")
    assert {"hunter2-basic", "hunter2-bearer"} <= set(made.secrets.values())


@pytest.mark.parametrize("row", ODD, ids=str)
def test_a_value_that_nobody_expects_is_a_reason_and_never_an_error(tmp_path: Path, row: dict[str, Any]) -> None:
    made = imported(tmp_path, [{"name": "odd", "interval": 60, **row}])
    (fate,) = made.fates
    assert fate.became or fate.refusal
    if made.data["sites"]:
        (tmp_path / "quivive.yaml").write_text(as_yaml(made.data), "utf-8")
        load(tmp_path / "quivive.yaml")


def test_a_page_is_looked_at_as_before(tmp_path: Path) -> None:
    site, fate = one(
        tmp_path,
        type="keyword",
        keyword="Add to cart",
        interval=300,
        timeout=20,
        accepted_statuscodes_json='["200-299", "401"]',
        headers='{"X-Check": "yes"}',
        ip_family="ipv6",
        active=0,
    )
    assert fate.result == "taken"
    assert site == {
        "id": "shop",
        "customer": "imported",
        "url": "https://shop.example/",
        "headers": {"X-Check": "yes"},
        "expect": {"status": ["200-299", 401], "body_contains": "Add to cart"},
        "ip": "6",
        "timeout": "20s",
        "interval": "5min",
        "paused": True,
    }


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"type": "json-query"}, "JSON query is not made"),
        ({"ignore_tls": 1}, "certificate is verified"),
        ({"interval": 5}, "interval 5s -> 10s"),
        ({"timeout": 300, "interval": 600}, "timeout 5min -> 2min"),
        ({"auth_method": "basic", "basic_auth_user": "u", "basic_auth_pass": "p"}, "QUIVIVE_SECRET_SHOP"),
        ({"auth_method": "bearer", "bearer_token": "t"}, "QUIVIVE_SECRET_SHOP"),
        ({"headers": '{"X-Api-Key": "k"}'}, "paused: header X-Api-Key"),
        ({"accepted_statuscodes_json": '["200-999"]'}, "status 200-999 -> 200-599"),
    ],
)
def test_what_is_not_as_it_was_is_said(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    site, fate = one(tmp_path, **row)
    assert fate.result == "changed"
    assert site
    assert said in "; ".join(fate.changes)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"type": "ping"}, "no ICMP"),
        ({"type": "docker"}, "looks from outside"),
        ({"type": "postgres"}, "does not sign in"),
        ({"upside_down": 1}, "upside down"),
        ({"auth_method": "oauth2-cc"}, "OAuth 2"),
        ({"expected_tls_alert": "handshake_failure"}, "handshake"),
        ({"type": "port", "hostname": "mail.shop.example", "port": 25}, "--services-to"),
        ({"url": "https://u:p@shop.example/"}, "must not hold a user name"),
    ],
)
def test_what_cannot_be_taken_has_its_reason(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    site, fate = one(tmp_path, **row)
    assert (site, fate.result) == ({}, "not taken")
    assert reason in fate.refusal


def test_ports_names_and_jobs_become_checks_of_the_site_they_go_with(tmp_path: Path) -> None:
    made = imported(
        tmp_path,
        [
            {"name": "Martin", "type": "group"},
            {"name": "Shop", "type": "http", "url": "https://www.shop.co.uk/", "interval": 60},
            {"name": "Martin www", "type": "http", "url": "https://martin.example/", "interval": 60, "parent": 1},
            {"name": "Mail", "type": "smtp", "hostname": "mail.shop.co.uk", "port": 25, "interval": 60},
            {"name": "Backup", "type": "push", "interval": 86400, "maxretries": 2, "retry_interval": 600, "parent": 1},
            {"name": "MX", "type": "dns", "hostname": "shop.co.uk", "dns_resolve_type": "MX", "interval": 300},
            {"name": "Elsewhere", "type": "port", "hostname": "10.0.0.7", "port": 22, "interval": 60},
        ],
        Wishes(services_to="sites/shop"),
    )
    assert [fate.became for fate in made.fates] == [
        "",
        "sites/shop",
        "sites/martin-www",
        "sites/shop/checks/mail",
        "sites/martin-www/checks/backup",
        "sites/shop/checks/mx",
        "sites/shop/checks/elsewhere",
    ]
    shop, martin = made.data["sites"]
    assert shop["checks"][0] == {
        "name": "mail",
        "critical": False,
        "tcp": {"host": "mail.shop.co.uk", "port": 25, "expect": "220"},
        "interval": "1min",
    }
    assert martin["checks"] == [{"name": "backup", "critical": False, "heartbeat": {"period": "1d", "grace": "20min"}}]


def test_a_tag_names_the_customer(tmp_path: Path) -> None:
    rows = [{"name": f"Site {n}", "type": "http", "url": f"https://s{n}.example/", "interval": 60} for n in (1, 2, 3)]
    tags = {1: ("customer", "Boulangerie Martin"), 2: ("prod", "")}
    made = imported(tmp_path, rows, Wishes(customer="agency", by_tag="customer", plan="premium"), tags=tags)
    assert [site["customer"] for site in made.data["sites"]] == ["boulangerie-martin", "agency", "agency"]
    assert made.data["customers"][0] == {"id": "boulangerie-martin", "name": "Boulangerie Martin", "plan": "premium"}
    (tmp_path / "kuma.db").unlink()
    made = imported(tmp_path, rows, Wishes(by_tag="any", plan=None), tags=tags)
    assert [site["customer"] for site in made.data["sites"]] == ["boulangerie-martin", "prod", "imported"]
    assert "customers" not in made.data
