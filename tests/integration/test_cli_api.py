"""The `quivive` command against the real api on a real database and broker."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from command import Command, Server, running_server

from aggregator.migrate import migrate


@pytest.fixture
def server(database_url: str, nats_url: str, tmp_path: Path) -> Iterator[Server]:
    """An api of the test's own."""
    migrate(database_url)
    with running_server(database_url, nats_url, tmp_path) as server:
        yield server


@pytest.fixture
def quivive(server: Server, tmp_path: Path) -> Command:
    return Command(server, tmp_path)


def declared(folder: Path, text: str) -> str:
    path = folder / "quivive.yaml"
    path.write_text(text)
    return str(path)


BAKERY = """
regions: [{id: a}, {id: b}, {id: c}]
customers:
  - {id: martin, name: Boulangerie Martin, plan: premium, locale: fr, timezone: Europe/Paris}
sites:
  - id: martin-www
    customer: martin
    url: https://www.boulangerie-martin.example/
"""


def test_the_example_is_applied_once_and_then_there_is_nothing_to_change(quivive: Command, root: Path) -> None:
    example = str(root / "examples" / "quivive.yaml")
    assert "+ sites/martin-www" in quivive("apply", "-f", example, "--yes")
    assert quivive("apply", "-f", example) == "Nothing to change.\n"
    sites = quivive.json("site", "list")
    assert [site["name"] for site in sites] == ["sites/martin-www", "sites/northwind-blog", "sites/northwind-shop"]
    assert {site["state"] for site in sites} == {"UNKNOWN"}
    assert [region["name"] for region in quivive.json("region", "list")] == [
        *("regions/ap-south", "regions/eu-west", "regions/us-east")
    ]


def test_a_dry_run_and_a_refusal_leave_everything_as_it_was(quivive: Command, tmp_path: Path) -> None:
    quivive("apply", "-f", declared(tmp_path, BAKERY), "--yes")
    before = quivive.json("site", "list")
    more = declared(tmp_path, BAKERY + "  - {id: shop, customer: martin, url: https://shop.example/}\n")
    assert "+ sites/shop" in quivive("apply", "-f", more, "--dry-run")
    wrong = declared(
        tmp_path,
        BAKERY
        + "  - {id: shop, customer: martin, url: https://shop.example/}\n"
        + "  - id: blog\n    customer: martim\n    url: https://blog.example/\n    interval: 2s\n    regions: [mars]\n",
    )
    refused = quivive.run("apply", "-f", wrong, "--yes")
    assert refused.code == 2
    places = [line.removeprefix(f"{wrong}:").split(": ")[:2] for line in refused.err.splitlines()]
    assert sorted(places) == [
        ["11", "sites[2].customer"],
        ["13", "sites[2].interval"],
        ["14", "sites[2].regions[0]"],
    ]
    assert quivive.json("site", "list") == before


def test_what_is_declared_no_more_stays_until_it_is_pruned(quivive: Command, tmp_path: Path) -> None:
    more = BAKERY + "  - {id: shop, customer: martin, url: https://shop.example/}\n"
    quivive("apply", "-f", declared(tmp_path, more), "--yes")
    assert "sites/shop" in quivive("apply", "-f", declared(tmp_path, BAKERY), "--yes")
    assert len(quivive.json("site", "list")) == 2
    assert "- sites/shop" in quivive("apply", "-f", declared(tmp_path, BAKERY), "--yes", "--prune")
    assert [site["name"] for site in quivive.json("site", "list", "--customer", "martin")] == ["sites/martin-www"]


def test_a_site_that_was_never_looked_at_has_no_availability(quivive: Command, tmp_path: Path) -> None:
    quivive("apply", "-f", declared(tmp_path, BAKERY), "--yes")
    for window in (["--window", "1h"], ["--month", f"{datetime.now(UTC):%Y-%m}"]):
        figure = quivive.json("sla", "martin-www", *window)
        assert (figure["site"], figure["availability"], figure["down_seconds"]) == ("sites/martin-www", None, 0)
    assert quivive.json("sla", "customers/martin")["mean_availability"] is None
    assert quivive.json("incident", "list", "--customer", "martin") == []


def test_a_report_speaks_the_customers_language(quivive: Command, tmp_path: Path) -> None:
    quivive("apply", "-f", declared(tmp_path, BAKERY), "--yes")
    html = quivive("report", "martin", "--month", f"{datetime.now(UTC):%Y-%m}")
    assert '<html lang="fr"' in html
    assert "Boulangerie Martin" in html


def test_what_the_server_does_not_know_is_one_line(quivive: Command, tmp_path: Path) -> None:
    quivive("apply", "-f", declared(tmp_path, BAKERY), "--yes")
    for arguments, code, reason in (
        (["sla", "nobody"], 4, "nobody"),
        (["incident", "show", "nothing"], 4, "nothing"),
        (["report", "nobody", "--month", "2026-03"], 4, "nobody"),
        (["sla", "Bad_Name"], 2, "Bad_Name"),
        (["sla", "martin-www", "--start", "2001-01-01"], 2, "longer than five years"),
    ):
        done = quivive.run(*arguments)
        assert (done.code, done.err.count("\n")) == (code, 1), done.err
        assert reason in done.err
