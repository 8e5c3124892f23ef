"""Configuration as JSON: what is sent is what is read."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quivive.configuration import (
    MAX_JSON_BYTES,
    CheckConfig,
    Configuration,
    ConfigurationError,
    CustomerConfig,
    EmailChannelConfig,
    ExpectConfig,
    MaintenanceConfig,
    PlanConfig,
    RegionConfig,
    SiteConfig,
    WebhookChannelConfig,
    canonical_json,
    parse_json,
)

ids = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
texts = st.text(
    st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs"]), min_size=1, max_size=50
).filter(lambda text: bool(text.strip()))


def durations(shortest_ms: int, longest_ms: int) -> st.SearchStrategy[timedelta]:
    return st.integers(shortest_ms, longest_ms).map(lambda ms: timedelta(milliseconds=ms))


plans = st.builds(
    PlanConfig,
    id=ids,
    title=texts,
    interval=durations(1_000, 86_400_000),
    page_after=durations(0, 86_400_000),
    objective=st.none() | st.floats(0.5, 1),
    response_target=durations(60_000, 86_400_000),
    channels=st.lists(st.sampled_from(["email", "chat", "webhook", "oncall"]), unique=True).map(tuple),
)
customers = st.builds(
    CustomerConfig, id=ids, name=texts, plan=ids, timezone=st.sampled_from(["UTC", "Europe/Paris", "Asia/Kolkata"])
)
checks = st.builds(
    CheckConfig,
    name=ids.filter(lambda name: name not in ("http", "rest", "wp-login")),
    url=st.just("https://a.example/b"),
)
maintenance = st.one_of(
    st.builds(MaintenanceConfig, cron=st.just("0 3 * * SUN"), duration=durations(60_000, 86_400_000)),
    st.builds(
        MaintenanceConfig,
        start=st.datetimes(
            datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2100-01-01"), timezones=st.just(UTC)
        ),
        duration=durations(60_000, 86_400_000),
    ),
)
sites = st.builds(
    SiteConfig,
    id=ids,
    customer=ids,
    url=st.just("https://www.example.org/"),
    interval=st.none() | durations(1_000, 86_400_000),
    timeout=durations(100, 120_000),
    regions=st.none() | st.lists(ids, min_size=1, max_size=5, unique=True).map(tuple),
    headers=st.dictionaries(st.sampled_from(["X-A", "X-B"]), st.text("ab ", max_size=5)),
    max_latency=st.none() | durations(1, 120_000),
    expect=st.builds(
        ExpectConfig, status=st.lists(st.integers(100, 599), max_size=3).map(tuple), body_contains=st.none() | texts
    ),
    preset=st.sampled_from([None, "wordpress"]),
    checks=st.lists(checks, max_size=3, unique_by=lambda check: check.name).map(tuple),
    maintenance=st.lists(maintenance, max_size=2).map(tuple),
    paused=st.booleans(),
)
channels = st.one_of(
    st.builds(EmailChannelConfig, id=ids, type=st.just("email"), to=st.just(("a@b.example",))),
    st.builds(
        WebhookChannelConfig, id=ids, type=st.just("webhook"), url=st.just("https://x.example/"), secret=st.just("KEY")
    ),
)
regions = st.builds(RegionConfig, id=ids, title=st.none() | texts, simulated=st.booleans())


def some(items: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(items, max_size=3, unique_by=lambda item: item.id).map(tuple)  # type: ignore[attr-defined]


@given(
    st.builds(
        Configuration,
        plans=some(plans),
        customers=some(customers),
        sites=some(sites),
        channels=some(channels),
        regions=some(regions),
    )
)
def test_every_configuration_survives_the_way_to_the_server(configuration: Configuration) -> None:
    text = canonical_json(configuration)
    assert parse_json(text) == configuration
    assert canonical_json(parse_json(text)) == text


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ("[]", (), "must be an object"),
        ("{", (), "is not JSON"),
        ('{"sites": NaN}', (), "NaN is not a number of JSON"),
        ('{"sites": [], "sites": []}', (), "duplicate key 'sites'"),
        ("[" * 1_000_000, (), "is nested too deeply"),
        (json.dumps({"sites": [{"id": "a", "customer": "b", "url": "x"}]}), ("sites", 0, "url"), "has no scheme"),
        (
            json.dumps({"regions": [{"id": "a"}, {"id": "a"}]}),
            ("regions", 1, "id"),
            "already declared at regions[0].id",
        ),
        (json.dumps({"persons": []}), ("persons",), "unknown key"),
        (json.dumps({"sites": None}), ("sites",), "must be a list"),
    ],
)
def test_what_is_wrong_is_refused_with_its_path(text: str, path: tuple[str | int, ...], reason: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_json(text)
    (problem,) = refused.value.problems
    assert problem.path == path
    assert reason in problem.message
    assert problem.file is None


def test_more_than_eight_mebibytes_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="larger than 8 MiB"):
        parse_json(" " * (MAX_JSON_BYTES + 1))


def test_ten_thousand_sites_fit() -> None:
    many = Configuration(
        sites=tuple(SiteConfig(id=f"site-{n}", customer="martin", url=f"https://{n}.example/") for n in range(10_000))
    )
    assert len(parse_json(canonical_json(many)).sites) == 10_000
