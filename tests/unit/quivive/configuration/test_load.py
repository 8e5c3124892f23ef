"""Whatever is wrong with the files is refused at its place, all of it at once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quivive.configuration import ConfigurationError, Loaded, load
from quivive.configuration.load import MAX_FILE_BYTES

SITE = "sites:\n  - {id: www, customer: martin, url: https://www.example.org/}\n"


def written(folder: Path, text: str | bytes, name: str = "a.yaml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def problems(path: Path) -> list[str]:
    """What is refused, with places relative to the folder."""
    with pytest.raises(ConfigurationError) as refused:
        load(path)
    folder = path if path.is_dir() else path.parent
    return [str(problem).replace(f"{folder}/", "") for problem in refused.value.problems]


def test_the_configuration_of_the_design_is_understood(tmp_path: Path) -> None:
    text = """
customers:
  - {id: martin, name: Boulangerie Martin, plan: premium, locale: fr, timezone: Europe/Paris}
sites:
  - id: martin-www
    customer: martin
    url: https://www.boulangerie-martin.example/   # one critical HTTP check
    interval: 30s
    timeout: 10s
    regions: [eu-west, us-east, ap-south]
    headers: {X-Check: "yes"}
    max_latency: 2s
    expect: {status: [200], body_contains: "Boulangerie", body_excludes: "HACKED"}
    preset: wordpress
    maintenance: [{cron: "0 3 * * SUN", duration: 1h}, {start: 2026-03-01T22:00:00+01:00, duration: 90min}]
"""
    configuration = load(written(tmp_path, text)).configuration
    (customer,), (site,) = configuration.customers, configuration.sites
    assert (customer.plan, customer.locale, customer.timezone) == ("premium", "fr", "Europe/Paris")
    assert site.interval == timedelta(seconds=30)
    assert site.regions == ("eu-west", "us-east", "ap-south")
    assert site.headers == {"X-Check": "yes"}
    assert site.expect.status == (200,)
    assert site.maintenance[0].cron == "0 3 * * SUN"
    assert site.maintenance[1].start == datetime(2026, 3, 1, 21, tzinfo=UTC)


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    (site,) = load(written(tmp_path, SITE)).configuration.sites
    assert (site.interval, site.timeout, site.regions) == (None, timedelta(seconds=10), None)
    assert (site.preset, site.paused, site.checks) == (None, False, ())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("intervall: 30s", "sites[0].intervall: unknown key (did you mean interval?)"),
        ("interval: 30", "sites[0].interval: 30 has no unit, write 30s"),
        ("interval: 500ms", "sites[0].interval: 500ms is outside 1s to 1d"),
        ("timeout: 3h", "sites[0].timeout: 3h is outside 100ms to 2min"),
        ("paused: yess", "sites[0].paused: must be true or false, not 'yess'"),
        ("preset: drupal", "sites[0].preset: must be 'wordpress', not 'drupal'"),
        ("regions: []", "sites[0].regions: must name at least 1"),
        ("regions: eu-west", "sites[0].regions: must be a list, not 'eu-west'"),
        ("regions: [a, a]", "sites[0].regions: names something twice"),
        ("regions: [EU]", "sites[0].regions[0]: 'EU' is not an id"),
        ("headers: {X-Check: yes}", "sites[0].headers.X-Check: must be text, not true: put it in quotes"),
        ('headers: {X-Check: "a\\r\\nHost: b"}', "sites[0].headers: X-Check: a header value is one line"),
        ('headers: {"X Check": a}', "sites[0].headers: 'X Check' is not a header name"),
        ("headers: {A: x, a: y}", "sites[0].headers: names a header twice"),
        ("expect: {status: [99]}", "sites[0].expect.status[0]: 99 is not a status from 100 to 599"),
        ("expect: {status: [true]}", "sites[0].expect.status[0]: True is not a status"),
        ("expect: {body: x}", "sites[0].expect.body: unknown key"),
        ("maintenance: [{duration: 1h}]", "sites[0].maintenance[0]: needs either cron or start"),
        ("maintenance: [{cron: nightly, duration: 1h}]", "sites[0].maintenance[0].cron: 'nightly' is not a cron"),
        ('maintenance: [{cron: "0 0 31 2 *", duration: 1h}]', "Bad day-of-month"),
        ('maintenance: [{cron: "* * * * * *", duration: 1h}]', "is not a cron expression"),
        ('maintenance: [{cron: "* * * * *", duration: 1h}]', "starts more than 4 times an hour"),
        ("maintenance: [{start: 2026-03-01 22:00:00, duration: 1h}]", "has no offset, write"),
        ("checks: [{name: http, url: https://x.example/}]", "sites[0].checks: http is the name of the check"),
        ("checks: [{name: a, url: x}]", "sites[0].checks[0].url: 'x' has no scheme, write https://x"),
    ],
)
def test_a_wrong_field_is_refused_with_its_line_and_reason(tmp_path: Path, line: str, reason: str) -> None:
    text = f"sites:\n  - id: www\n    customer: martin\n    url: https://www.example.org/\n    {line}\n"
    (problem,) = problems(written(tmp_path, text))
    assert problem.startswith("a.yaml:5: ")
    assert reason in problem


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("www.example.org", "has no scheme, write https://www.example.org"),
        ("//www.example.org/", "has no scheme"),
        ("ftp://example.org/", "ftp is not http or https"),
        ("https:///path", "has no host"),
        ("https://user:secret@example.org/", "must not hold a user name or a password"),
        ("https://example.org:99999/", "is not a URL"),
        ("https://[::1/", "is not a URL"),
        ("https://exam ple.org/", "has a space"),
        ("https://exa..mple.org/", "is not a host name"),
        ("https://example.org/" + "a" * 2048, "longer than 2048"),
    ],
)
def test_a_url_that_cannot_be_requested_is_refused(tmp_path: Path, url: str, reason: str) -> None:
    text = f"sites:\n  - id: www\n    customer: martin\n    url: '{url}'\n"
    (problem,) = problems(written(tmp_path, text))
    assert problem.startswith("a.yaml:4: sites[0].url: ")
    assert reason in problem


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/x?y=1#z", "https://[::1]/", "https://bücher.example/", "HTTP://a"]
)
def test_a_url_that_can_be_requested_is_taken(tmp_path: Path, url: str) -> None:
    load(written(tmp_path, f"sites: [{{id: www, customer: martin, url: '{url}'}}]"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "channels:\n  - {id: a, type: pager}",
            "a.yaml:2: channels[0].type: must be email, webhook, pagerduty, jira, slack, teams, ntfy or apprise, not 'pager'",
        ),
        (
            "channels:\n  - {id: a}",
            "a.yaml:2: channels[0].type: is required: email, webhook, pagerduty, jira, slack, teams, ntfy or apprise",
        ),
        ("channels:\n  - {id: a, type: slack}", "a.yaml:2: channels[0]: needs either token or webhook"),
        (
            "channels:\n  - {id: a, type: email, to: [a@b.example], server: {host: x, colour: red}}",
            "a.yaml:2: channels[0].server.colour: unknown key; there are host, port, security, user, password",
        ),
        ("channels:\n  - {id: a, type: email}", "a.yaml:2: channels[0].to: is required"),
        ("channels:\n  - {id: a, type: email, to: [me]}", "a.yaml:2: channels[0].to[0]: 'me' is not an e-mail address"),
        (
            "channels:\n  - {id: a, type: webhook, url: 'https://x/', secret: hunter2}",
            "a.yaml:2: channels[0].secret: must be the name of an environment variable",
        ),
        (
            "channels:\n  - {id: a, type: email, to: [a@b.example], cc: []}",
            "a.yaml:2: channels[0].cc: unknown key",
        ),
        (
            "customers:\n  - {id: a, name: A, plan: basic, timezone: Europe/Pariss}",
            "a.yaml:2: customers[0].timezone: 'Europe/Pariss' is not a time zone",
        ),
        (
            "plans:\n  - {id: a, title: A, interval: 30s, response_target: 1h, channels: [email], objective: 99.9}",
            "a.yaml:2: plans[0].objective: 99.9 is not a ratio",
        ),
        (
            "plans:\n  - {id: a, title: A, interval: 30s, response_target: 1h, channels: [email], keep_results: 3d}",
            "a.yaml:2: plans[0].keep_results: 3d is outside 4d to 3660d",
        ),
        (
            "plans:\n  - {id: a, title: A, interval: 30s, response_target: 1h, channels: [email], keep_results: 36h}",
            "a.yaml:2: plans[0].keep_results: 36h is not a number of whole days",
        ),
        (
            "plans:\n  - {id: a, title: A, interval: 30s, response_target: 1h, channels: [email], keep_aggregates: 20d}",
            "a.yaml:2: plans[0]: keep_aggregates is shorter than keep_results",
        ),
        ("regions:\n  - id: no", "a.yaml:2: regions[0].id: must be text, not false: put it in quotes"),
        ("regions:\n  - eu-west", "a.yaml:2: regions[0]: must be a mapping of keys to values, not 'eu-west'"),
    ],
)
def test_every_kind_is_checked(tmp_path: Path, text: str, reason: str) -> None:
    assert problems(written(tmp_path, text))[0].startswith(reason)


def test_every_problem_is_reported_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = """
sites:
  - id: a
    url: https://a.example/
    interval: 30
  - id: a
    customer: martin
    url: a.example
sitess: []
"""
    assert [problem.partition(" ")[0] for problem in problems(written(tmp_path, text))] == [
        *("a.yaml:3:", "a.yaml:5:", "a.yaml:6:", "a.yaml:8:", "a.yaml:9:")
    ]


def test_an_id_declared_in_two_files_is_refused_and_both_places_named(tmp_path: Path) -> None:
    written(tmp_path, SITE, "a.yaml")
    written(tmp_path, "# the same again\n" + SITE, "b.yml")
    assert problems(tmp_path) == ["b.yml:3: sites[1].id: duplicate id www, already declared at a.yaml:2"]


def test_the_same_id_may_be_used_by_different_kinds(tmp_path: Path) -> None:
    text = "customers: [{id: x, name: X, plan: basic}]\nsites: [{id: x, customer: x, url: https://x.example/}]"
    load(written(tmp_path, text))


def test_a_folder_is_read_as_one_configuration(tmp_path: Path) -> None:
    written(tmp_path, SITE, "b.yaml")
    written(tmp_path, "customers: [{id: martin, name: M, plan: basic}]\nsites:\n", "a.yaml")
    written(tmp_path, "not: [read", ".hidden.yaml")
    written(tmp_path, "not: [read", "notes.txt")
    loaded = load(tmp_path)
    assert [site.id for site in loaded.configuration.sites] == ["www"]
    assert [customer.id for customer in loaded.configuration.customers] == ["martin"]


def test_a_file_that_cannot_be_parsed_does_not_hide_the_problems_of_another(tmp_path: Path) -> None:
    written(tmp_path, "sites: [", "a.yaml")
    written(tmp_path, "sites:\n  - {id: www, customer: martin, url: x}\n", "b.yaml")
    found = problems(tmp_path)
    assert found[0].startswith("a.yaml:")
    assert "is not YAML" in found[0]
    assert found[1].startswith("b.yaml:2: sites[0].url: ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a.yaml: declares nothing"),
        ("# only a comment\n", "a.yaml: declares nothing"),
        ("- a", "a.yaml:1: must be a mapping with the keys plans, customers"),
        ("sites: {}", "a.yaml:1: sites: must be a list"),
        ("sites:\n\t- a", "a.yaml:2: is not YAML: "),
        ("a: \x00", "a.yaml:1: is not YAML: control characters are not allowed"),
        ("\n\nsites: \x07", "a.yaml:3: is not YAML: control characters are not allowed"),
        (b"sites:\n  - \xff", "a.yaml:2: is not UTF-8 text"),
        ("--- {}\n--- {}", "a.yaml:2: a second document starts here"),
        ("sites: []\nsites: []", "a.yaml:2: sites: duplicate key, already given in line 1"),
        ("regions:\n  - &a {id: eu}\n  - *a", "a.yaml:3: regions[1]: refers to &a: aliases are refused"),
        ("regions:\n  - !!python/object:os.system {id: a}", "a.yaml:2: regions[0]: has the tag "),
        ("regions:\n  - {? [a] : b}", "a.yaml:2: regions[0]: a key must be text"),
        ("regions:\n  - {12: b, id: a}", "a.yaml:2: regions[0].12: is not text"),
        ("sites: " + "[" * 30 + "]" * 30, "is nested more than 20 levels deep"),
        ("sites: " + "[" * 100_000, "is nested more than 20 levels deep"),
        ("sites: " + "9" * 10_000, "a.yaml:1: sites: is not a number that can be read"),
    ],
)
def test_what_is_not_plain_yaml_is_refused(tmp_path: Path, text: str | bytes, reason: str) -> None:
    assert reason in problems(written(tmp_path, text))[0]


def test_a_bomb_of_aliases_is_refused_where_it_starts(tmp_path: Path) -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 20)]
    found = problems(written(tmp_path, "\n".join(["l0: &l0 [a]", *levels])))
    assert any("l1[0]: refers to &l0: aliases are refused" in problem for problem in found)


def test_ten_megabytes_are_refused_without_being_parsed(tmp_path: Path) -> None:
    found = problems(written(tmp_path, b"[" * 10 * MAX_FILE_BYTES))
    assert found == ["a.yaml: is larger than 1 MiB: split it into several files of one folder"]


def test_what_is_not_there_is_said_so(tmp_path: Path) -> None:
    assert problems(tmp_path / "absent.yaml") == ["absent.yaml: does not exist"]
    assert problems(tmp_path)[0].endswith("has no file named *.yaml or *.yml")


def test_a_servers_objection_is_found_in_the_files(tmp_path: Path) -> None:
    written(tmp_path, SITE, "a.yaml")
    written(
        tmp_path,
        "sites:\n  - id: shop\n    customer: martin\n    url: https://x.example/\n    regions:\n      - a\n      - mars\n",
        "b.yaml",
    )
    loaded = load(tmp_path)

    def place(loaded: Loaded, field: str) -> str:
        return str(loaded.problem_at(field, "unknown")).replace(f"{tmp_path}/", "")

    assert place(loaded, "sites[1].regions[1]") == "b.yaml:7: sites[1].regions[1]: unknown"
    assert place(loaded, "sites[0].customer") == "a.yaml:2: sites[0].customer: unknown"
    assert place(loaded, "sites[1].interval") == "b.yaml:2: sites[1].interval: unknown"
    assert place(loaded, "") == "unknown"
