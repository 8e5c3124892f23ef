from collections.abc import Callable

import pytest

from probe_agent.specs import BadSpec, parse
from probe_agent.targets import HttpTarget
from quivive.v1.bus_pb2 import CheckSpec


def spec() -> CheckSpec:
    message = CheckSpec(id=7, revision=3, name="sites/s/checks/http", regions=["a", "b"], down_attempts=2)
    message.interval.FromSeconds(30)
    message.timeout.FromSeconds(10)
    message.attempt_gap.FromMilliseconds(500)
    message.http.url = "https://www.example.com/"
    message.http.headers["X-Check"] = "yes"
    message.http.expect_status.extend([200, 401])
    message.http.max_latency.FromMilliseconds(1500)
    return message


def test_every_field_is_taken_over() -> None:
    check = parse(spec().SerializeToString())
    assert (check.id, check.revision, check.name, check.regions) == (7, 3, "sites/s/checks/http", ("a", "b"))
    assert (check.interval_us, check.timeout_us, check.attempt_gap_us) == (30_000_000, 10_000_000, 500_000)
    assert check.down_attempts == 2
    assert isinstance(check.target, HttpTarget)
    assert check.target.headers == (("X-Check", "yes"),)
    assert check.target.expect_status == {200, 401}
    assert check.target.max_latency_us == 1_500_000


def test_no_latency_limit_is_told_from_a_limit() -> None:
    message = spec()
    message.http.ClearField("max_latency")
    target = parse(message.SerializeToString()).target
    assert isinstance(target, HttpTarget)
    assert target.max_latency_us == 0


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda m: m.ClearField("http"), "a kind of check"),
        (lambda m: setattr(m, "id", 0), "no id"),
        (lambda m: m.ClearField("regions"), "regions"),
        (lambda m: m.regions.extend(["a"]), "not sorted"),
        (lambda m: m.interval.FromSeconds(0), "out of bounds"),
        (lambda m: m.timeout.FromSeconds(-1), "out of bounds"),
        (lambda m: setattr(m, "down_attempts", 0), "out of bounds"),
        (lambda m: setattr(m, "down_attempts", 11), "out of bounds"),
        (lambda m: setattr(m.http, "url", "ftp://www.example.com/"), "not an http"),
        (lambda m: setattr(m.http, "url", "https:///nowhere"), "not an http"),
        (lambda m: setattr(m.http, "url", "https://[::1"), "not a URL"),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused_with_its_reason(
    spoil: Callable[[CheckSpec], object], reason: str
) -> None:
    message = spec()
    spoil(message)
    with pytest.raises(BadSpec, match=reason):
        parse(message.SerializeToString())


def test_bytes_that_are_no_spec_are_refused() -> None:
    with pytest.raises(BadSpec, match="not a CheckSpec"):
        parse(b"\xff\xff")
