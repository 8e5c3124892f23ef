"""Every command of `quivive` on every call of a real api."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import yaml
from command import Command, Server, running_server
from psycopg import conninfo, sql
from servers import NatsServer

from aggregator.migrate import migrate

CONFIGURATION = """
regions: [{id: eu-west}, {id: us-east}, {id: ap-south, title: Mumbai}]
plans:
  - {id: shop, title: Shop, interval: 30s, response_target: 30min, response_hours: always, channels: [email], objective: 0.999}
customers:
  - {id: martin, name: Boulangerie Martin, plan: shop, locale: fr, timezone: Europe/Paris}
  - {id: northwind, name: Northwind, plan: basic}
sites:
  - id: martin-www
    customer: martin
    url: https://www.boulangerie-martin.example/
    tags: [bakery]
    expect: {status: [200, 2xx], body_contains: Boulangerie}
    headers: {X-Check: "yes"}
    preset: wordpress
    maintenance: [{cron: "0 3 * * SUN", duration: 1h}]
    checks:
      - {name: mail, tcp: {host: mail.boulangerie-martin.example, port: 25}, critical: false}
      - {name: backup, heartbeat: {cron: "0 3 * * *", grace: 2h}}
  - id: northwind-shop
    customer: northwind
    url: https://northwind.example/
    interval: 1min
    regions: [eu-west, us-east, ap-south]
channels:
  - {id: ops, type: email, to: [ops@agency.example]}
people:
  - {id: ada, name: Ada, email: ada@agency.example}
"""


@pytest.fixture(scope="module")
def server(postgresql_admin_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One api for all tests here; each looks at names of its own."""
    name = f"quivive_test_{uuid4().hex[:12]}"
    parts = {key: str(value) for key, value in conninfo.conninfo_to_dict(postgresql_admin_url).items()}
    database_url = f"postgresql://{parts['user']}:{parts['password']}@{parts['host']}:{parts['port']}/{name}"
    broker = NatsServer(tmp_path_factory.mktemp("nats")).start()
    with psycopg.connect(postgresql_admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        migrate(database_url)
        try:
            with running_server(database_url, broker.url, tmp_path_factory.mktemp("api")) as server:
                yield server
        finally:
            broker.stop()
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def declared(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is applied first, and how apply said it."""
    folder = tmp_path_factory.mktemp("declared")
    (folder / "quivive.yaml").write_text(CONFIGURATION)
    return Command(server, folder)("apply", "-f", str(folder / "quivive.yaml"), "--yes")


@pytest.fixture
def quivive(server: Server, declared: str, tmp_path: Path) -> Command:
    return Command(server, tmp_path)


def rows(server: Server, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        cursor = connection.execute(query, parameters or None)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


def incident(server: Server, site: str, minutes_ago: int) -> str:
    """An open incident of the site that was paged."""
    name = f"i{uuid4().hex[:12]}"
    start = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    rows(
        server,
        "INSERT INTO quivive.incidents (incident_id, check_id, site_id, customer_id, start_time, confirm_time, page_time,"
        " cause, responsibility, regions, detail, reason) SELECT %s, c.check_id, s.site_id, s.customer_id, %s, %s, %s, 51, 1,"
        " '{eu-west,us-east}', '=HTTP 503', 'quorum' FROM quivive.sites s JOIN quivive.checks c USING (site_id)"
        " WHERE s.site_id = %s AND c.name = 'http' AND c.delete_time IS NULL",
        *(name, start, start, start, site),
    )
    return name


def test_apply_says_what_each_site_costs_a_month(declared: str) -> None:
    lines = declared.splitlines()
    site = lines.index("+ sites/northwind-shop")
    # 30 days of minutes from three regions, at 40 kB
    assert "    129,600 requests, about 5.2 GB a month" in lines[site:]
    assert any(line.startswith("These 2 sites: ") and line.endswith(" GB a month, estimated.") for line in lines)


KINDS = ("plans", "customers", "sites", "channels", "regions", "people", "all")


@pytest.mark.parametrize("kind", KINDS)
def test_what_get_prints_is_applied_without_any_change(quivive: Command, tmp_path: Path, kind: str) -> None:
    text = quivive("get", kind, "-o", "yaml")
    assert yaml.safe_load(text)
    (tmp_path / "again.yaml").write_text(text)
    said = quivive("apply", "-f", str(tmp_path / "again.yaml"), "--dry-run").splitlines()
    assert said[0] == "Nothing to change." or said[0].startswith("Kept although not declared")
    assert not [line for line in said if line[:1] in "+~-"]


def test_get_prints_one_of_a_kind_in_every_form(quivive: Command) -> None:
    (site,) = yaml.safe_load(quivive("get", "site", "northwind-shop"))["sites"]
    assert site["url"] == "https://northwind.example/"
    assert json.loads(quivive("get", "sites", "sites/northwind-shop", "-o", "json")) == {"sites": [site]}
    (row,) = csv.DictReader(io.StringIO(quivive("get", "sites", "northwind-shop", "-o", "csv")))
    assert (row["kind"], row["id"], row["regions"]) == ("sites", "northwind-shop", "eu-west us-east ap-south")
    assert quivive.run("get", "sites", "nowhere").code == 4
    assert quivive.run("get", "sits").err == (
        "there is no kind 'sits' (did you mean sites?); there are " + ", ".join(_kinds()) + "\n"
    )


def _kinds() -> tuple[str, ...]:
    from quivive.configuration.validate import KINDS as every_kind

    return every_kind


def test_every_kind_of_a_configuration_can_be_got(quivive: Command) -> None:
    for kind in _kinds():
        assert quivive.run("get", kind).code == 0, kind


def test_a_site_is_added_paused_resumed_and_deleted(quivive: Command) -> None:
    added = quivive.json(
        "site", "add", "new.example", "--customer", "martin", "--id", "new", "--tag", "new", "--interval", "5min"
    )
    assert (added["name"], added["url"], added["tags"]) == ("sites/new", "https://new.example", ["new"])
    assert quivive("site", "pause", "new") == "Paused: sites/new (https://new.example)\n"
    assert [site["name"] for site in quivive.json("site", "list", "--state", "paused")] == ["sites/new"]
    assert quivive("site", "resume", "new").startswith("Resumed: sites/new")
    shown = quivive.json("site", "show", "new")
    assert not shown["paused"]
    assert shown["checks"][0]["interval_seconds"] == 300
    assert "last 30 days" in quivive("site", "show", "new")
    assert quivive.run("site", "add", "new.example", "--customer", "martin", "--id", "new").code == 6
    assert quivive.run("site", "delete", "new").code == 2, "nobody is there to ask"
    assert quivive("site", "delete", "new", "--yes") == "Deleted sites/new.\n"
    assert quivive.run("site", "show", "new").code == 4
    assert quivive.run("site", "add", "new.example", "--customer", "nobody").code in (2, 4)


def test_sites_are_listed_by_tag_and_filter_in_every_form(quivive: Command) -> None:
    (site,) = quivive.json("site", "list", "--tag", "bakery")
    assert site["name"] == "sites/martin-www"
    assert yaml.safe_load(quivive("site", "list", "--filter", "url : BOULANGERIE", "-o", "yaml")) == [site]
    (row,) = csv.DictReader(io.StringIO(quivive("site", "list", "--customer", "martin", "-o", "csv")))
    assert (row["name"], row["paused"], row["tags"]) == ("sites/martin-www", "false", "bakery")
    assert "checks" not in row
    table = quivive("site", "list", "--history", "--customer", "northwind")
    assert table.splitlines()[0].split() == ["SITE", "STATE", "DAYS", "SINCE", "CUSTOMER", "URL"]
    assert quivive.run("site", "list", "--filter", "nonsense").code == 2


def test_a_check_now_says_which_regions_are_silent(quivive: Command) -> None:
    ran = quivive.run("site", "check", "northwind-shop", "--wait", "1s", "--exit-code", "-o", "json")
    assert ran.code == 1
    assert sorted(item["region"] for item in ran.json) == ["ap-south", "eu-west", "us-east"]
    assert {item["outcome"] for item in ran.json} == {None}


def test_customers_and_plans_are_shown(quivive: Command) -> None:
    assert {"customers/martin", "customers/northwind"} <= {item["name"] for item in quivive.json("customer", "list")}
    assert quivive.json("customer", "show", "martin")["timezone"] == "Europe/Paris"
    assert {"plans/basic", "plans/premium", "plans/shop"} <= {item["name"] for item in quivive.json("plan", "list")}
    assert quivive.json("plan", "show", "shop")["objective"] == 0.999
    assert quivive.run("customer", "delete", "martin", "--yes").code == 6, "it has sites"


def test_maintenance_is_announced_and_taken_back(quivive: Command) -> None:
    cron = quivive.json("maintenance", "add", "northwind-shop", "--cron", "0 3 * * SUN", "--duration", "1h")
    once = quivive.json(
        "maintenance", "add", "northwind-shop", "--start", "2031-03-01T22:00:00+01:00", "--duration", "2h"
    )
    assert (cron["cron"], cron["duration_seconds"]) == ("0 3 * * SUN", 3600)
    assert once["start_time"] == "2031-03-01T21:00:00.000Z"
    listed = quivive.json("maintenance", "list", "--site", "northwind-shop")
    assert {item["name"] for item in listed} == {cron["name"], once["name"]}
    for item in listed:
        quivive("maintenance", "remove", item["name"])
    assert quivive("maintenance", "list", "--site", "northwind-shop") == "No maintenance is announced.\n"
    assert quivive.run("maintenance", "add", "northwind-shop", "--cron", "0 3 * * SUN").code == 2
    assert quivive.run("maintenance", "add", "nowhere", "--start", "now", "--duration", "1h").code == 4


def test_a_silence_begins_and_ends(quivive: Command) -> None:
    made = quivive.json("silence", "add", "northwind-shop", "--for", "2h", "--reason", "moving house")
    assert (made["subject"], made["reason"]) == ("sites/northwind-shop", "moving house")
    assert [item["name"] for item in quivive.json("silence", "list", "--site", "northwind-shop")] == [made["name"]]
    assert quivive("silence", "remove", made["name"]) == f"Ended {made['name']}.\n"
    assert quivive.json("silence", "list", "--site", "northwind-shop") == []
    assert quivive.run("silence", "add", "northwind-shop", "--for", "1000d", "--reason", "x").code == 2


def test_a_region_comes_is_drained_and_goes(quivive: Command) -> None:
    assert quivive("region", "add", "mars", "--title", "Mars") == "Declared regions/mars.\n"
    assert quivive("region", "drain", "mars", "--yes") == "Drained regions/mars.\n"
    (mars,) = [region for region in quivive.json("region", "list") if region["name"] == "regions/mars"]
    assert (mars["title"], mars["drained"]) == ("Mars", True)
    assert "drained" in quivive("region", "list")
    assert quivive("region", "undrain", "mars") == "regions/mars counts again.\n"
    assert quivive("region", "remove", "mars", "--yes") == "Removed regions/mars.\n"
    assert quivive("region", "list", "--agents") == "No agent reports.\n"


def test_an_incident_is_acknowledged_commented_corrected_and_shown(quivive: Command, server: Server) -> None:
    name = incident(server, "northwind-shop", 10)
    (listed,) = quivive.run("incident", "list", "--site", "northwind-shop", "--exit-code", "-o", "json").json
    assert (listed["name"], listed["state"], listed["detail"]) == (f"incidents/{name}", "OPEN", "=HTTP 503")
    assert quivive.run("incident", "list", "--open", "--exit-code").code == 1
    (row,) = csv.DictReader(io.StringIO(quivive("incident", "list", "--site", "northwind-shop", "-o", "csv")))
    assert row["detail"] == "'=HTTP 503", "no formula where a spreadsheet opens it"
    acknowledged = quivive.json("incident", "ack", name, "--person", "Ada", "-m", "on it")
    assert acknowledged["acknowledge_time"]
    assert quivive("incident", "comment", name, "the host is told", "--public").startswith("Added to incidents/")
    reason = ["--author", "Ada", "--reason", "announced by the host"]
    quivive("incident", "correct", name, "--not-counted", *reason)
    shown = quivive("incident", "show", name)
    for words in ("on it", "the host is told", "announced by the host"):
        assert words in shown
    (target,) = quivive.json("targets", "northwind-shop")["targets"]
    assert (target["incident"], target["standing"]) == (f"incidents/{name}", "MET")
    assert quivive.run("incident", "ack", "nothing").code == 4


def test_figures_of_many_are_one_call(quivive: Command) -> None:
    answers = quivive.json("sla", "martin-www", "customers/northwind", "--window", "2d", "--granularity", "day")
    assert [answer["subject"] for answer in answers] == ["sites/martin-www", "customers/northwind"]
    assert len(answers[0]["sites"][0]["buckets"]) in (2, 3)
    assert [answer["subject"] for answer in quivive.json("sla", "--tag", "bakery")] == ["sites/martin-www"]
    assert quivive("sla", "martin-www", "northwind-shop", "--granularity", "day").splitlines()[0].split()[3] == "PARTS"
    parts = list(
        csv.DictReader(io.StringIO(quivive("sla", "martin-www", "--window", "2d", "--granularity", "day", "-o", "csv")))
    )
    assert len(parts) in (2, 3)
    assert parts[0]["availability"] == ""
    assert quivive("latency", "martin-www") == "No whole hour with a good attempt in it yet.\n"
    assert quivive.json("result", "list", "martin-www") == []
    assert quivive.run("sla").code == 2


def test_tokens_let_in_whom_they_are_for(quivive: Command, tmp_path: Path) -> None:
    file = tmp_path / "reader"
    quivive(
        "token",
        "create",
        "--person",
        "Grace",
        "--role",
        "reader",
        "--title",
        "Grafana",
        "--expires",
        "90d",
        "-o",
        str(file),
    )
    assert file.stat().st_mode & 0o777 == 0o600
    reader = {"QUIVIVE_TOKEN_FILE": str(file)}
    (token,) = [token for token in quivive.json("token", "list") if token["person"] == "Grace"]
    assert (token["role"], token["title"]) == ("reader", "Grafana")
    assert file.read_text().strip() not in json.dumps(token)
    assert quivive.run("token", "whoami", "-o", "json", **reader).json["person"] == "Grace"
    assert quivive.run("site", "list", **reader).code == 0
    assert quivive.run("site", "pause", "martin-www", **reader).code == 5
    secret = quivive("token", "create", "--person", "Martin", "--role", "customer", "--customer", "martin").strip()
    own = {"QUIVIVE_TOKEN": secret, "QUIVIVE_TOKEN_FILE": ""}
    assert [site["name"] for site in quivive.run("site", "list", "-o", "json", **own).json] == ["sites/martin-www"]
    assert quivive.run("site", "show", "northwind-shop", **own).code == 4
    quivive("token", "revoke", token["name"], "--yes")
    assert token["name"] not in [item["name"] for item in quivive.json("token", "list")]
    wrong = quivive.run("site", "list", QUIVIVE_TOKEN="qv_" + "a" * 40, QUIVIVE_TOKEN_FILE="")
    assert (wrong.code, wrong.err.count("\n")) == (5, 1)
    assert "a" * 40 not in wrong.err
    assert quivive.run("token", "create", "--person", "x", "--role", "customer").code == 2


def test_who_changed_what_is_listed(quivive: Command) -> None:
    quivive("site", "pause", "northwind-shop")
    quivive("site", "resume", "northwind-shop")
    entries = quivive.json("audit", "list", "--resource", "sites/northwind-shop", "--limit", "2")
    assert [entry["method"].rpartition("/")[2] for entry in entries] == ["ResumeSite", "PauseSite"]
    assert "PauseSite" in quivive("audit", "list")


def test_an_import_is_applied_and_the_server_watches_it(quivive: Command, tmp_path: Path) -> None:
    (tmp_path / "sites.csv").write_text("name,url\nCafé,https://cafe.example/\nPing,icmp://x\n")
    said = quivive("import", str(tmp_path / "sites.csv"), "--plan", "basic", "--apply", "--yes")
    assert "1 taken, 0 changed, 1 not taken" in said
    assert "+ sites/cafe" in said
    assert quivive.json("site", "show", "cafe")["customer"] == "customers/imported"
    quivive("customer", "delete", "imported", "--with-sites", "--yes")


def test_profiles_name_servers_and_keep_no_token(quivive: Command, server: Server, tmp_path: Path) -> None:
    bare = {"QUIVIVE_SERVER": "", "QUIVIVE_TOKEN_FILE": "", "QUIVIVE_DATA_DIR": str(tmp_path)}
    token = server.token_file.read_text().strip()
    added = quivive.run(
        "profile", "add", "prod", "--server", server.address, "--token-file", str(server.token_file), **bare
    )
    assert (added.code, added.out) == (0, f"Profile prod: {server.address}, the default\n")
    quivive.run(
        "profile", "add", "away", "--server", "https://quivive.invalid:443", "--token-env", "AWAY_TOKEN", **bare
    )
    assert quivive.run("site", "list", **bare).code == 0, "by the default profile"
    assert quivive.run("--profile", "prod", "site", "list", **bare).code == 0
    assert quivive.run("site", "list", "--profile", "prod", **bare).code == 0
    missing = quivive.run("site", "list", "--profile=away", **bare)
    assert (missing.code, missing.err) == (2, "profile away takes its token from AWAY_TOKEN, which is not set\n")
    assert quivive.run("site", "list", QUIVIVE_PROFILE="nowhere", **(bare | {})).code == 2
    quivive.run("profile", "use", "-", **bare)
    listed = quivive.run("profile", "list", "-o", "json", **bare).json
    assert [(item["name"], item["default"]) for item in listed] == [("prod", False), ("away", False)]
    kept = (tmp_path / "quivive" / "profiles.toml").read_text()
    assert token not in kept
    assert quivive.run("profile", "remove", "away", **bare).code == 0
    assert quivive.run("profile", "use", "away", **bare).code == 4


def test_the_token_of_the_data_directory_is_found_for_this_machine_only(quivive: Command, server: Server) -> None:
    folder = str(server.token_file.parent)
    assert quivive.run("site", "list", QUIVIVE_TOKEN_FILE="", QUIVIVE_DATA_DIR=folder).code == 0
    assert quivive.run("site", "list", QUIVIVE_TOKEN_FILE="", QUIVIVE_DATA_DIR="/nowhere").code == 5
    plain = quivive.run("site", "list", "--server", "192.0.2.7:50051")
    assert plain.code == 2
    assert "would travel unencrypted" in plain.err
    server.token_file.chmod(0o644)
    try:
        assert "others may read" in quivive.run("site", "list").err
    finally:
        server.token_file.chmod(0o600)


def test_the_shell_completes_names_and_is_silent_without_a_server(quivive: Command) -> None:
    def completed(words: str, **environment: str) -> list[str]:
        asked = {"_QUIVIVE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        ran = quivive.run(**asked, **environment)
        assert ran.err == ""
        return ran.out.split()

    assert completed("quivive site show mar") == ["martin-www"]
    assert completed("quivive customer show n") == ["northwind"]
    assert completed("quivive region drain eu") == ["eu-west"]
    assert "people" in completed("quivive get p")
    assert completed("quivive site show mar", QUIVIVE_SERVER="127.0.0.1:1") == []


def test_the_examples_of_clients_work(quivive: Command, server: Server, root: Path) -> None:
    incident(server, "martin-www", 3)
    examples = root / "examples" / "clients"
    environment = server.environment | {"QUIVIVE_TOKEN": server.token_file.read_text().strip()}
    command = [sys.executable, str(examples / "sites_sync.py"), server.address]
    listed = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "sites/martin-www UNKNOWN -" in listed.splitlines()
    command = [sys.executable, "-u", str(examples / "watch_aio.py"), server.address]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as watching:
        try:
            assert watching.stdout is not None
            assert watching.stdout.readline().startswith("open sites/")
        finally:
            watching.kill()
