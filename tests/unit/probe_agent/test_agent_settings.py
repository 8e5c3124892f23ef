from ipaddress import ip_network

import pytest

from probe_agent.lateness import KEPT, WINDOW_US, Lateness
from probe_agent.service import user_agent
from probe_agent.settings import AgentSettings
from quivive.settings import load


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("QUIVIVE_REGION", "eu-west")
    return monkeypatch


def test_lists_are_separated_by_commas(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("QUIVIVE_ALLOW_TARGETS", "127.0.0.0/8, ::1/128")
    environment.setenv("QUIVIVE_RESOLVERS", "192.0.2.53:53,[2001:db8::53]:5353,192.0.2.54")
    settings = load(AgentSettings)
    assert settings.allow_targets == (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    assert settings.resolvers == ("192.0.2.53:53", "[2001:db8::53]:5353", "192.0.2.54")


def test_nothing_private_is_allowed_unless_it_is_named(environment: pytest.MonkeyPatch) -> None:
    assert load(AgentSettings).allow_targets == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REGION", "EU West"),
        ("ALLOW_TARGETS", "everything"),
        ("ALLOW_TARGETS", "127.0.0.1/8"),
        ("RESOLVERS", "dns.example.com"),
        ("CONTACT_URL", "ask bob"),
        ("CONCURRENCY", "0"),
    ],
)
def test_a_wrong_setting_is_named_and_ends_the_start(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    environment.setenv(f"QUIVIVE_{name}", value)
    with pytest.raises(SystemExit) as stopped:
        load(AgentSettings)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith(f"QUIVIVE_{name}")


def test_sites_learn_who_looks_and_where_to_ask(environment: pytest.MonkeyPatch) -> None:
    assert user_agent(load(AgentSettings)).endswith(" (eu-west)")
    environment.setenv("QUIVIVE_CONTACT_URL", "https://status.example/about")
    assert user_agent(load(AgentSettings)).endswith(" (eu-west; +https://status.example/about)")


def test_lateness_is_that_of_the_last_minute() -> None:
    lateness = Lateness()
    assert lateness.p99_us(0) == 0
    for index in range(100):
        lateness.note(index, 1000 + index)
    assert lateness.p99_us(100) == 1099
    lateness.note(WINDOW_US + 200, 5)
    assert lateness.p99_us(WINDOW_US + 200) == 5


def test_lateness_keeps_a_bounded_number() -> None:
    lateness = Lateness()
    for index in range(2 * KEPT):
        lateness.note(0, index)
    assert lateness.p99_us(0) >= KEPT
