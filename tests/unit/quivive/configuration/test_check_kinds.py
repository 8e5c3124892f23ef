"""What a check may say about what to look at."""

from typing import Any

import pytest

from quivive.configuration import ConfigurationError, canonical_json, parse_json
from quivive.configuration.validate import validate
from quivive.configuration.values import status_range


def problems(check: dict[str, Any], **site: Any) -> list[str]:
    data = {
        "sites": [{"id": "s", "customer": "c", "url": "https://s.example/", "checks": [{"name": "x", **check}], **site}]
    }
    try:
        configuration = validate(data)
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems]
    assert parse_json(canonical_json(configuration)) == configuration
    return []


@pytest.mark.parametrize(
    "check",
    [
        {"url": "https://s.example/x", "method": "POST", "body": "{}", "expect": {"status": ["2xx", 404, "300-399"]}},
        {"url": "https://s.example/x", "auth": {"user": "me", "password": "QUIVIVE_SECRET_S"}, "drift": "outage"},
        {"url": "https://s.example/x", "drift": {"mode": "outage", "since": "2026-03-01T10:00:00Z"}},
        {"url": "https://s.example/x", "drift": False},
        {"tcp": {"host": "mail.example", "port": 465, "tls": True, "expect": "220"}},
        {
            "dns": {
                "name": "s.example",
                "record": "MX",
                "expect": ["10 m.example."],
                "resolvers": ["ns.example", "[2001:db8::1]:53"],
            }
        },
        {"heartbeat": {"period": "1d", "grace": "2h"}},
        {"heartbeat": {"cron": "*/5 * * * *"}},
    ],
)
def test_each_kind_of_check_can_be_declared_and_sent(check: dict[str, Any]) -> None:
    assert problems(check) == []


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        ({}, "needs one of url, tcp, dns, heartbeat"),
        ({"url": "https://s.example/", "heartbeat": {"period": "1d"}}, "not url and heartbeat"),
        ({"url": "https://s.example/", "body": "x"}, "a body needs a method of POST"),
        ({"url": "https://s.example/", "auth": {"bearer": "hunter2"}}, "the secret itself does not belong here"),
        ({"url": "https://s.example/", "auth": {"bearer": "QUIVIVE_NATS_URL"}}, "QUIVIVE_SECRET_SHOP"),
        ({"url": "https://s.example/", "auth": {"user": "me"}}, "needs either user and password, or bearer"),
        ({"url": "https://s.example/", "expect": {"status": ["9xx"]}}, "is not a status such as 200"),
        ({"url": "https://s.example/", "expect": {"status": ["299-200"]}}, "ends before it begins"),
        ({"url": "https://s.example/", "drift": "loud"}, "drift.mode"),
        ({"tcp": {"host": "mail.example", "port": 0}}, "tcp.port"),
        ({"tcp": {"host": "mail.example", "port": 25, "expects": "220"}}, "did you mean expect?"),
        ({"tcp": {"host": "mail.example", "port": 25}, "method": "POST"}, "method does not go with tcp"),
        ({"dns": {"name": "s.example", "expect": ["300.0.0.1"]}}, "is not an IPv4 address"),
        ({"dns": {"name": "s.example", "exact": True}}, "exact needs something to expect"),
        ({"dns": {"name": "s.example", "resolvers": ["ns.example:0"]}}, "there is no port 0"),
        ({"heartbeat": {}}, "needs either period or cron"),
        ({"heartbeat": {"cron": "61 * * * *"}}, "is not a cron expression"),
        ({"heartbeat": {"period": "1d"}, "interval": "1min"}, "interval does not go with heartbeat"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_reason(check: dict[str, Any], problem: str) -> None:
    (found,) = problems(check)
    assert problem in found
    assert found.startswith("sites[0].checks[0]")


def test_the_heartbeats_region_is_nobodys_to_declare() -> None:
    with pytest.raises(ConfigurationError, match="take another name"):
        validate({"regions": [{"id": "heartbeat"}]})


def test_ranges_of_statuses_have_two_ends() -> None:
    assert [status_range(value) for value in (404, "2xx", "300-310")] == [(404, 404), (200, 299), (300, 310)]
