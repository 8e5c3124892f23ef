import pytest

from probe_agent.overload import judge
from probe_agent.references import Reference, parse_reference
from probe_agent.results import Result
from probe_agent.selfcheck import SelfCheck, distrusted
from quivive.domain.checks import PLACEHOLDER
from quivive.domain.words import Cause, Outcome


class Nothing:
    """No references."""

    async def failing(self) -> dict[str, str]:
        return {}


def test_one_failing_reference_may_be_its_own_fault() -> None:
    self_check = SelfCheck(Nothing())
    assert not self_check.take({"tcp://192.0.2.1:443": "refused"})
    assert self_check.reason is None


def test_two_are_ours_until_two_good_rounds() -> None:
    self_check = SelfCheck(Nothing())
    assert self_check.take({"tcp://192.0.2.1:443": "refused", "broker": "not connected"})
    assert self_check.reason == "broker: not connected; tcp://192.0.2.1:443: refused"
    assert not self_check.take({"broker": "not connected"})
    assert not self_check.take({"a": "no", "b": "no"})
    assert not self_check.take({})
    assert self_check.reason is not None
    assert self_check.take({})
    assert self_check.reason is None


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("broker", Reference("broker", "broker")),
        ("tcp://192.0.2.1:443", Reference("tcp://192.0.2.1:443", "tcp", "192.0.2.1", 443)),
        ("http://anchor.example", Reference("http://anchor.example", "http", "anchor.example", 80)),
        (
            "https://anchor.example:8443/up?from=here",
            Reference("https://anchor.example:8443/up?from=here", "https", "anchor.example", 8443, "/up?from=here"),
        ),
    ],
)
def test_references_are_words_or_urls(text: str, reference: Reference) -> None:
    assert parse_reference(text) == reference


@pytest.mark.parametrize(
    "text", ["anchor.example", "tcp://192.0.2.1", "ftp://anchor.example", "https://", "tcp://x:99999"]
)
def test_anything_else_is_no_reference(text: str) -> None:
    with pytest.raises(ValueError, match=r"tcp|Port"):
        parse_reference(text)


def test_while_it_fails_a_result_is_a_placeholder_that_says_what_was_seen() -> None:
    result = Result(7, 1, 1000, 3, Outcome.DOWN, 2000, Cause.TCP_REFUSED)
    placeholder = distrusted(result, "broker: not connected")
    assert (placeholder.attempt, placeholder.outcome, placeholder.cause) == (
        PLACEHOLDER,
        Outcome.PROBE_ERROR,
        Cause.AGENT_FAULT,
    )
    assert (placeholder.check, placeholder.slot_us, placeholder.end_us) == (7, 1000, 2000)
    assert placeholder.evidence is not None
    assert placeholder.evidence.detail == "the attempt found DOWN while the self-check failed: broker: not connected"


def test_an_agent_that_keeps_up_says_nothing() -> None:
    assert judge(0.25, 0.1, 500, 1024) is None


def test_whatever_is_too_much_is_named() -> None:
    assert judge(2.0, 0.7, 900, 1024) == (
        "slots are started 2.0 s late, the event loop was busy for 0.7 s, 900 of 1024 file descriptors are in use"
    )
