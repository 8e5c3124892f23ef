import errno

import pytest

from probe_agent import classify
from probe_agent.expectations import Finding
from probe_agent.phases import Phase
from probe_agent.targets import HttpTarget
from quivive.domain.words import Cause, Outcome

TARGET = HttpTarget("https://www.example.com/")


@pytest.mark.parametrize(
    ("code", "outcome", "cause"),
    [
        ("ARES_ENOTFOUND", Outcome.DOWN, Cause.DNS_NXDOMAIN),
        ("ARES_EBADNAME", Outcome.DOWN, Cause.DNS_NXDOMAIN),
        ("ARES_ENODATA", Outcome.DOWN, Cause.DNS_NO_ADDRESS),
        ("ARES_ESERVFAIL", Outcome.DOWN, Cause.DNS_SERVFAIL),
        ("ARES_EREFUSED", Outcome.DOWN, Cause.DNS_REFUSED),
        ("ARES_ETIMEOUT", Outcome.DOWN, Cause.DNS_TIMEOUT),
        ("ARES_EBADRESP", Outcome.DOWN, Cause.DNS_SERVFAIL),
        ("ARES_ECONNREFUSED", Outcome.PROBE_ERROR, Cause.AGENT_FAULT),
        ("ARES_ENOMEM", Outcome.PROBE_ERROR, Cause.AGENT_FAULT),
    ],
)
def test_the_resolvers_answer_blames_the_zone_unless_there_was_none(code: str, outcome: Outcome, cause: Cause) -> None:
    verdict = classify.dns_failed(code, "www.example.com")
    assert (verdict.outcome, verdict.cause) == (outcome, cause)
    assert "www.example.com" in verdict.detail


@pytest.mark.parametrize(
    ("number", "outcome", "cause"),
    [
        (errno.ECONNREFUSED, Outcome.DOWN, Cause.TCP_REFUSED),
        (errno.ETIMEDOUT, Outcome.DOWN, Cause.TCP_TIMEOUT),
        (errno.ECONNRESET, Outcome.DOWN, Cause.TCP_RESET),
        (errno.EHOSTUNREACH, Outcome.DOWN, Cause.TCP_UNREACHABLE),
        (errno.EPROTO, Outcome.DOWN, Cause.TCP_UNREACHABLE),
        (None, Outcome.DOWN, Cause.TCP_UNREACHABLE),
        (errno.ENETUNREACH, Outcome.PROBE_ERROR, Cause.TCP_UNREACHABLE),
        (errno.EMFILE, Outcome.PROBE_ERROR, Cause.AGENT_FAULT),
        (errno.EADDRNOTAVAIL, Outcome.PROBE_ERROR, Cause.AGENT_FAULT),
    ],
)
def test_a_connection_that_our_own_machine_could_not_try_blames_nobody(
    number: int | None, outcome: Outcome, cause: Cause
) -> None:
    verdict = classify.connect_failed(number, "192.0.2.7:443")
    assert (verdict.outcome, verdict.cause) == (outcome, cause)
    assert "192.0.2.7:443" in verdict.detail


@pytest.mark.parametrize(
    ("code", "lacks_link", "cause"),
    [
        (9, False, Cause.TLS_NOT_YET_VALID),
        (10, False, Cause.TLS_EXPIRED),
        (18, False, Cause.TLS_SELF_SIGNED),
        (19, False, Cause.TLS_UNTRUSTED),
        (20, False, Cause.TLS_UNTRUSTED),
        (21, False, Cause.TLS_UNTRUSTED),
        (20, True, Cause.TLS_CHAIN_INCOMPLETE),
        (21, True, Cause.TLS_CHAIN_INCOMPLETE),
        (10, True, Cause.TLS_EXPIRED),
        (62, False, Cause.TLS_NAME_MISMATCH),
        (64, False, Cause.TLS_NAME_MISMATCH),
        (23, False, Cause.TLS_UNTRUSTED),
    ],
)
def test_a_refused_certificate_tells_why(code: int, lacks_link: bool, cause: Cause) -> None:
    verdict = classify.certificate_refused(code, "some reason", "www.example.com", lacks_link=lacks_link)
    assert (verdict.outcome, verdict.cause) == (Outcome.DOWN, cause)
    assert "www.example.com" in verdict.detail


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("UNSUPPORTED_PROTOCOL", Cause.TLS_PROTOCOL),
        ("TLSV1_ALERT_PROTOCOL_VERSION", Cause.TLS_PROTOCOL),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", Cause.TLS_PROTOCOL),
        ("DH_KEY_TOO_SMALL", Cause.TLS_PROTOCOL),
        ("TLSV1_ALERT_INTERNAL_ERROR", Cause.TLS_ALERT),
        ("TLSV1_UNRECOGNIZED_NAME", Cause.TLS_ALERT),
        ("WRONG_VERSION_NUMBER", Cause.TLS_HANDSHAKE),
        ("the server hung up", Cause.TLS_HANDSHAKE),
    ],
)
def test_a_handshake_that_breaks_off_tells_whether_nothing_was_in_common(reason: str, cause: Cause) -> None:
    verdict = classify.handshake_failed(reason, "www.example.com")
    assert (verdict.outcome, verdict.cause) == (Outcome.DOWN, cause)


@pytest.mark.parametrize(
    ("phase", "cause"),
    [
        (Phase.DNS, Cause.DNS_TIMEOUT),
        (Phase.CONNECT, Cause.TCP_TIMEOUT),
        (Phase.TLS, Cause.TLS_TIMEOUT),
        (Phase.FIRST_BYTE, Cause.HTTP_TIMEOUT),
        (Phase.TRANSFER, Cause.HTTP_TIMEOUT),
    ],
)
def test_the_phase_in_which_the_deadline_strikes_is_the_failure(phase: Phase, cause: Cause) -> None:
    verdict = classify.timed_out(phase, 2_500_000)
    assert (verdict.outcome, verdict.cause) == (Outcome.DOWN, cause)
    assert verdict.detail.endswith("within 2.5 s")


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "cause"),
    [
        (200, {}, Outcome.UP, Cause.UNSPECIFIED),
        (204, {}, Outcome.UP, Cause.UNSPECIFIED),
        (199, {}, Outcome.DOWN, Cause.HTTP_STATUS_UNEXPECTED),
        (304, {}, Outcome.DOWN, Cause.HTTP_STATUS_UNEXPECTED),
        (404, {}, Outcome.DOWN, Cause.HTTP_STATUS_4XX),
        (500, {}, Outcome.DOWN, Cause.HTTP_STATUS_5XX),
        (503, {}, Outcome.DOWN, Cause.HTTP_STATUS_5XX),
        (519, {}, Outcome.DOWN, Cause.HTTP_STATUS_5XX),
        (520, {}, Outcome.DOWN, Cause.CDN_ORIGIN),
        (530, {}, Outcome.DOWN, Cause.CDN_ORIGIN),
        (531, {}, Outcome.DOWN, Cause.HTTP_STATUS_5XX),
        (600, {}, Outcome.DOWN, Cause.HTTP_STATUS_UNEXPECTED),
        (429, {}, Outcome.BLOCKED, Cause.RATE_LIMITED),
        (403, {"cf-mitigated": "challenge"}, Outcome.BLOCKED, Cause.CDN_CHALLENGE),
        (503, {"cf-mitigated": "challenge"}, Outcome.BLOCKED, Cause.CDN_CHALLENGE),
        (202, {"x-amzn-waf-action": "challenge"}, Outcome.BLOCKED, Cause.CDN_CHALLENGE),
        (405, {"x-amzn-waf-action": "captcha"}, Outcome.BLOCKED, Cause.CDN_CHALLENGE),
    ],
)
def test_the_status_and_who_answered_decide(
    status: int, headers: dict[str, str], outcome: Outcome, cause: Cause
) -> None:
    verdict = classify.status_answered(TARGET, status, headers)
    assert (verdict.outcome, verdict.cause) == (outcome, cause)


@pytest.mark.parametrize(("status", "outcome"), [(401, Outcome.UP), (429, Outcome.UP), (200, Outcome.DOWN)])
def test_declared_statuses_replace_the_usual_ones(status: int, outcome: Outcome) -> None:
    target = HttpTarget("https://www.example.com/", expect_status=frozenset({401, 429}))
    assert classify.status_answered(target, status, {}).outcome is outcome


def test_a_page_that_stops_is_told_from_one_that_trickles() -> None:
    stopped, trickling = (classify.body_timed_out(10_000_000, 500, quiet_s) for quiet_s in (9.0, 0.2))
    assert stopped.cause is trickling.cause is Cause.HTTP_BODY_TIMEOUT
    assert "stopped after 500 bytes" in stopped.detail
    assert "trickles" in trickling.detail


def test_a_circle_is_told_from_a_long_way() -> None:
    assert classify.redirected_too_often(10, repeated=True).cause is Cause.HTTP_REDIRECT_LOOP
    assert classify.redirected_too_often(10, repeated=False).cause is Cause.HTTP_TOO_MANY_REDIRECTS


@pytest.mark.parametrize(
    ("finding", "cause"),
    [
        (Finding(True, False, 10, False), Cause.UNSPECIFIED),
        (Finding(False, False, 10, False), Cause.CONTENT_MISSING),
        (Finding(False, False, 0, False, is_empty=True), Cause.CONTENT_EMPTY),
        (Finding(True, False, 40, False, is_empty=True), Cause.CONTENT_EMPTY),
        (Finding(True, True, 10, False), Cause.CONTENT_FORBIDDEN),
        (Finding(False, True, 10, True), Cause.CONTENT_FORBIDDEN),
    ],
)
def test_the_text_decides_after_the_status(finding: Finding, cause: Cause) -> None:
    assert classify.content_found(TARGET, finding).cause is cause


def test_a_page_that_was_not_read_to_its_end_is_not_said_to_lack_the_text() -> None:
    target = HttpTarget("https://www.example.com/", body_contains="bread")
    assert "part of the page" in classify.content_found(target, Finding(False, False, 10, cut=True)).detail


def test_slower_than_allowed_is_a_failure_and_without_a_limit_never() -> None:
    limited = HttpTarget("https://www.example.com/", max_latency_us=2_000_000)
    assert classify.time_taken(limited, 2_000_000_000).outcome is Outcome.UP
    assert classify.time_taken(limited, 2_000_001_000).cause is Cause.HTTP_TOO_SLOW
    assert classify.time_taken(TARGET, 10**12).outcome is Outcome.UP


def test_a_forbidden_target_was_not_looked_at() -> None:
    verdict = classify.address_forbidden("intranet.example.com", "10.0.0.7")
    assert (verdict.outcome, verdict.cause) == (Outcome.PROBE_ERROR, Cause.DNS_FORBIDDEN_ADDRESS)
    assert "intranet.example.com (10.0.0.7)" in verdict.detail
