"""From what happened to an attempt to what it means: facts in, verdict out.

A site that fails is DOWN. Where the fault is ours (no descriptor left, no route, a target the operator forbids) the attempt is a
PROBE_ERROR: we did not look. Where a WAF or a rate limit answered instead of the site, it is BLOCKED.
"""

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probe_agent.expectations import Finding
from probe_agent.phases import Phase
from probe_agent.signatures import Signature
from probe_agent.targets import HttpTarget
from quivive.domain.words import Cause, Outcome


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one attempt saw; `detail` is one line for a person, empty for UP."""

    outcome: Outcome
    cause: Cause = Cause.UNSPECIFIED
    detail: str = ""


UP = Verdict(Outcome.UP)

_DNS = {
    "ARES_ENOTFOUND": (Cause.DNS_NXDOMAIN, "{} does not exist"),
    "ARES_EBADNAME": (Cause.DNS_NXDOMAIN, "{} is not a host name"),
    "ARES_ENODATA": (Cause.DNS_NO_ADDRESS, "{} has no address"),
    "ARES_ESERVFAIL": (Cause.DNS_SERVFAIL, "the name servers of {} failed (SERVFAIL)"),
    "ARES_EREFUSED": (Cause.DNS_REFUSED, "the name servers refused to answer for {}"),
    "ARES_ETIMEOUT": (Cause.DNS_TIMEOUT, "no answer in time about {}"),
}
_DNS_OURS = {
    "ARES_ECONNREFUSED": "the resolver could not be reached",
    "ARES_ENOMEM": "out of memory in the resolver",
    "ARES_EFILE": "the resolver's configuration could not be read",
    "ARES_ECANCELLED": "the lookup was cancelled",
    "ARES_EDESTRUCTION": "the lookup was cancelled",
}

_CONNECT = {
    errno.ECONNREFUSED: (Cause.TCP_REFUSED, "connection refused by {}"),
    errno.ECONNRESET: (Cause.TCP_RESET, "connection reset by {}"),
    errno.ECONNABORTED: (Cause.TCP_RESET, "connection aborted by {}"),
    errno.ETIMEDOUT: (Cause.TCP_TIMEOUT, "no answer from {}"),
    errno.EHOSTUNREACH: (Cause.TCP_UNREACHABLE, "no route to {}"),
    errno.EHOSTDOWN: (Cause.TCP_UNREACHABLE, "{} is down"),
}
# Raised by our own machine before any packet left it, or because it has run out of something.
_CONNECT_OURS = {
    errno.ENETUNREACH: "this agent has no route to the network of {}",
    errno.ENETDOWN: "this agent's network is down, on the way to {}",
    errno.EADDRNOTAVAIL: "this agent has no local address or port left for {}",
    errno.EMFILE: "this agent has no descriptor left for {}",
    errno.ENFILE: "this machine has no descriptor left for {}",
    errno.ENOBUFS: "this machine has no buffer left for {}",
    errno.ENOMEM: "this machine has no memory left for {}",
    errno.EPERM: "this machine's firewall forbids {}",
    errno.EACCES: "this machine's firewall forbids {}",
}

# OpenSSL's X509_V_ERR_*.
_TLS = {
    9: (Cause.TLS_NOT_YET_VALID, "the certificate of {} is not valid yet"),
    10: (Cause.TLS_EXPIRED, "the certificate of {} has expired"),
    18: (Cause.TLS_SELF_SIGNED, "the certificate of {} is self-signed"),
    19: (Cause.TLS_UNTRUSTED, "the certificate of {} ends in an authority that is not trusted"),
    20: (Cause.TLS_UNTRUSTED, "the certificate of {} comes from an authority that is not trusted"),
    21: (Cause.TLS_UNTRUSTED, "the certificate of {} comes from an authority that is not trusted"),
    62: (Cause.TLS_NAME_MISMATCH, "the certificate is not for {}"),
    64: (Cause.TLS_NAME_MISMATCH, "the certificate is not for {}"),
}
_ISSUER_UNKNOWN = (20, 21)
# OpenSSL's reasons for a handshake in which the two sides have nothing in common.
_TLS_NOTHING_IN_COMMON = frozenset(
    {
        "UNSUPPORTED_PROTOCOL",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_INSUFFICIENT_SECURITY",
        "NO_SHARED_CIPHER",
        "NO_CIPHERS_AVAILABLE",
        "NO_PROTOCOLS_AVAILABLE",
        "DH_KEY_TOO_SMALL",
        "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
        "WRONG_SIGNATURE_TYPE",
        "LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED",
    }
)
_TLS_WORDS = {
    "WRONG_VERSION_NUMBER": "the server does not speak TLS on this port",
    "HTTP_REQUEST": "the server speaks plain HTTP on this port",
    "TLSV1_UNRECOGNIZED_NAME": "the server does not know this name",
}

_TIMEOUT = {
    Phase.DNS: (Cause.DNS_TIMEOUT, "no answer about the host's name"),
    Phase.CONNECT: (Cause.TCP_TIMEOUT, "no connection"),
    Phase.TLS: (Cause.TLS_TIMEOUT, "no end of the TLS handshake"),
    Phase.FIRST_BYTE: (Cause.HTTP_TIMEOUT, "no response"),
    Phase.TRANSFER: (Cause.HTTP_TIMEOUT, "no end of the headers"),
}


def dns_failed(code: str, host: str) -> Verdict:
    """For a resolver's error code, by its c-ares name."""
    if code in _DNS_OURS:
        return Verdict(Outcome.PROBE_ERROR, Cause.AGENT_FAULT, f"{_DNS_OURS[code]} ({host})")
    cause, detail = _DNS.get(code, (Cause.DNS_SERVFAIL, f"the name servers of {{}} gave a broken answer ({code})"))
    return Verdict(Outcome.DOWN, cause, detail.format(host))


def address_forbidden(host: str, address: str) -> Verdict:
    """For a name that resolves to nothing but addresses the operator does not allow as targets."""
    named = host if host == address else f"{host} ({address})"
    detail = f"{named} is not a public address, and QUIVIVE_ALLOW_TARGETS does not allow it"
    return Verdict(Outcome.PROBE_ERROR, Cause.DNS_FORBIDDEN_ADDRESS, detail)


def connect_failed(number: int | None, address: str) -> Verdict:
    """For an errno from connecting to `address`."""
    if number in _CONNECT_OURS:
        cause = Cause.TCP_UNREACHABLE if number in (errno.ENETUNREACH, errno.ENETDOWN) else Cause.AGENT_FAULT
        return Verdict(Outcome.PROBE_ERROR, cause, _CONNECT_OURS[number].format(address))
    name = errno.errorcode.get(number or 0, "unknown error")
    cause, detail = _CONNECT.get(number or 0, (Cause.TCP_UNREACHABLE, f"no connection to {{}} ({name})"))
    return Verdict(Outcome.DOWN, cause, detail.format(address))


def certificate_refused(verify_code: int, reason: str, host: str, *, lacks_link: bool) -> Verdict:
    """For a certificate that OpenSSL did not accept; `lacks_link`: the server keeps an intermediate one to itself."""
    if verify_code in _ISSUER_UNKNOWN and lacks_link:
        detail = f"the server does not send the intermediate certificate that the one of {host} needs"
        return Verdict(Outcome.DOWN, Cause.TLS_CHAIN_INCOMPLETE, detail)
    cause, detail = _TLS.get(verify_code, (Cause.TLS_UNTRUSTED, f"the certificate of {{}} was refused: {reason}"))
    return Verdict(Outcome.DOWN, cause, detail.format(host))


def handshake_failed(reason: str, host: str) -> Verdict:
    """For a handshake that broke off; `reason` is OpenSSL's."""
    if reason in _TLS_NOTHING_IN_COMMON:
        cause = Cause.TLS_PROTOCOL
    elif "_ALERT_" in reason or reason == "TLSV1_UNRECOGNIZED_NAME":
        cause = Cause.TLS_ALERT
    else:
        cause = Cause.TLS_HANDSHAKE
    words = _TLS_WORDS.get(reason, reason)
    return Verdict(Outcome.DOWN, cause, f"TLS handshake with {host} failed: {words}")


def connection_lost(address: str) -> Verdict:
    """For a connection that was reset after it had been established."""
    return Verdict(Outcome.DOWN, Cause.TCP_RESET, f"connection reset by {address}")


def timed_out(phase: Phase, timeout_us: int) -> Verdict:
    """For a deadline that struck in `phase`."""
    cause, detail = _TIMEOUT[phase]
    return Verdict(Outcome.DOWN, cause, f"{detail} within {timeout_us / 1e6:g} s")


def body_timed_out(timeout_us: int, received: int, quiet_s: float) -> Verdict:
    """For a deadline that struck in the body, `received` bytes of the response there and the last of them `quiet_s` ago."""
    within = f"within {timeout_us / 1e6:g} s"
    if quiet_s > QUIET_S:
        detail = f"the page stopped after {received} bytes and did not end {within}"
    else:
        detail = f"the page trickles: {received} bytes and no end {within}"
    return Verdict(Outcome.DOWN, Cause.HTTP_BODY_TIMEOUT, detail)


QUIET_S = 1.0
"""Nothing for so long is a stop, less is a trickle."""


def no_response() -> Verdict:
    return Verdict(Outcome.DOWN, Cause.HTTP_NO_RESPONSE, "the server hung up without a response")


def response_truncated(where: str) -> Verdict:
    return Verdict(Outcome.DOWN, Cause.HTTP_TRUNCATED, f"the response breaks off {where}")


def response_malformed(reason: str) -> Verdict:
    return Verdict(Outcome.DOWN, Cause.HTTP_MALFORMED, f"not an HTTP response: {reason}")


def head_too_large(reason: str) -> Verdict:
    return Verdict(Outcome.DOWN, Cause.HTTP_HEADERS_TOO_LARGE, reason)


def redirected_too_often(hops: int, *, repeated: bool) -> Verdict:
    """For redirects without an end; `repeated`: they came past the same place twice."""
    if repeated:
        return Verdict(Outcome.DOWN, Cause.HTTP_REDIRECT_LOOP, f"redirected in a circle, {hops} times")
    return Verdict(Outcome.DOWN, Cause.HTTP_TOO_MANY_REDIRECTS, f"more than {hops} redirects")


def redirect_broken(location: str) -> Verdict:
    detail = f"redirect to something that is no web address: {location[:200]}"
    return Verdict(Outcome.DOWN, Cause.HTTP_MALFORMED, detail)


def redirect_downgraded(url: str) -> Verdict:
    return Verdict(Outcome.DOWN, Cause.HTTP_REDIRECT_DOWNGRADE, f"redirect from https to {url[:200]}")


def redirect_forbidden(forbidden: Verdict) -> Verdict:
    """For a redirect whose target was refused: the check's own address is allowed, so it is the site that leads astray."""
    detail = f"redirect to a place that may not be looked at: {forbidden.detail}"
    return Verdict(Outcome.DOWN, Cause.HTTP_REDIRECT_FORBIDDEN, detail)


def agent_failed(reason: str) -> Verdict:
    """For anything else that went wrong on our side."""
    return Verdict(Outcome.PROBE_ERROR, Cause.AGENT_FAULT, reason)


def status_answered(target: HttpTarget, status: int, headers: Mapping[str, str]) -> Verdict:
    """For a response's status. `headers` are looked up by lower-case name."""
    if status in target.expect_status:
        return UP
    # Before the usual statuses: a challenge may come as 202.
    if headers.get("cf-mitigated") == "challenge" or headers.get("x-amzn-waf-action") in ("challenge", "captcha"):
        return Verdict(Outcome.BLOCKED, Cause.CDN_CHALLENGE, f"{status}: a challenge page answered instead of the site")
    if target.accepts(status):
        return UP
    if status == 429:
        return Verdict(Outcome.BLOCKED, Cause.RATE_LIMITED, "429: too many requests")
    if 520 <= status <= 530:
        return Verdict(Outcome.DOWN, Cause.CDN_ORIGIN, f"{status}: the CDN got no answer from the site")
    if 500 <= status <= 599:
        return Verdict(Outcome.DOWN, Cause.HTTP_STATUS_5XX, f"status {status}")
    if 400 <= status <= 499:
        return Verdict(Outcome.DOWN, Cause.HTTP_STATUS_4XX, f"status {status}")
    return Verdict(Outcome.DOWN, Cause.HTTP_STATUS_UNEXPECTED, f"status {status}")


def content_found(target: HttpTarget, finding: Finding) -> Verdict:
    """For what was found in an accepted response's body."""
    if finding.has_forbidden:
        return Verdict(
            Outcome.DOWN, Cause.CONTENT_FORBIDDEN, f"the page has the forbidden text {target.body_excludes!r}"
        )
    if finding.signature is not None:
        return signature_found(finding.signature)
    if finding.is_empty:
        detail = "the page is empty" if finding.characters == 0 else "the page has nothing to show"
        return Verdict(Outcome.DOWN, Cause.CONTENT_EMPTY, detail)
    if finding.has_required:
        return UP
    where = "the part of the page that was read" if finding.cut else "the page"
    return Verdict(Outcome.DOWN, Cause.CONTENT_MISSING, f"{where} lacks the text {target.body_contains!r}")


def signature_found(signature: Signature) -> Verdict:
    """For a page that is known."""
    outcome = Outcome.BLOCKED if signature.cause is Cause.CDN_CHALLENGE else Outcome.DOWN
    return Verdict(outcome, signature.cause, signature.title)


def status_explained(verdict: Verdict, status: int, signature: Signature | None) -> Verdict:
    """For a status that failed, once more, with what its page is known as."""
    if signature is None or verdict.outcome is not Outcome.DOWN or verdict.cause is Cause.CDN_ORIGIN:
        return verdict
    known = signature_found(signature)
    return Verdict(known.outcome, known.cause, f"{known.detail} (status {status})")


def content_drifted(strange: Sequence[str]) -> Verdict:
    """For a page that no longer resembles its past, where that counts as an outage."""
    return Verdict(Outcome.DOWN, Cause.CONTENT_DRIFTED, "; ".join(strange))


def time_taken(target: HttpTarget, elapsed_ns: int) -> Verdict:
    """For the time after which an otherwise good response had met every expectation."""
    if target.max_latency_us and elapsed_ns > target.max_latency_us * 1000:
        detail = f"took {elapsed_ns / 1e9:.2f} s, more than {target.max_latency_us / 1e6:g} s"
        return Verdict(Outcome.DOWN, Cause.HTTP_TOO_SLOW, detail)
    return UP
