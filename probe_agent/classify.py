"""From what happened to an attempt to what it means: facts in, verdict out.

A site that fails is DOWN. Where the fault is ours (no descriptor left, no route, a target the operator forbids) the attempt is a
PROBE_ERROR: we did not look. Where a WAF or a rate limit answered instead of the site, it is BLOCKED.
"""

import errno
from collections.abc import Mapping
from dataclasses import dataclass

from probe_agent.targets import HttpTarget
from probe_agent.expectations import Finding
from probe_agent.phases import Phase
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
    20: (
        Cause.TLS_UNTRUSTED,
        "the certificate of {} comes from an authority that is not trusted, or a link is missing",
    ),
    21: (Cause.TLS_UNTRUSTED, "the certificate of {} cannot be verified: a link is missing"),
    62: (Cause.TLS_NAME_MISMATCH, "the certificate is not for {}"),
    64: (Cause.TLS_NAME_MISMATCH, "the certificate is not for {}"),
}

_TIMEOUT = {
    Phase.DNS: (Cause.DNS_TIMEOUT, "no answer about the host's name"),
    Phase.CONNECT: (Cause.TCP_TIMEOUT, "no connection"),
    Phase.TLS: (Cause.TLS_TIMEOUT, "no end of the TLS handshake"),
    Phase.FIRST_BYTE: (Cause.HTTP_TIMEOUT, "no response"),
    Phase.TRANSFER: (Cause.HTTP_TIMEOUT, "no end of the response"),
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


def tls_failed(verify_code: int | None, reason: str, host: str) -> Verdict:
    """For a refused certificate (OpenSSL's verify code) or, without one, a broken handshake and its reason."""
    if verify_code is None:
        return Verdict(Outcome.DOWN, Cause.TLS_HANDSHAKE, f"TLS handshake with {host} failed: {reason}")
    cause, detail = _TLS.get(verify_code, (Cause.TLS_UNTRUSTED, f"the certificate of {{}} was refused: {reason}"))
    return Verdict(Outcome.DOWN, cause, detail.format(host))


def connection_lost(address: str) -> Verdict:
    """For a connection that was reset after it had been established."""
    return Verdict(Outcome.DOWN, Cause.TCP_RESET, f"connection reset by {address}")


def timed_out(phase: Phase, timeout_us: int) -> Verdict:
    """For a deadline that struck in `phase`."""
    cause, detail = _TIMEOUT[phase]
    return Verdict(Outcome.DOWN, cause, f"{detail} within {timeout_us / 1e6:g} s")


def response_broken(*, ended: bool, begun: bool, reason: str) -> Verdict:
    """For bytes that are no HTTP response; `ended`: the server hung up, `begun`: the response's head was there."""
    if not ended:
        return Verdict(Outcome.DOWN, Cause.HTTP_MALFORMED, f"not an HTTP response: {reason}")
    if begun:
        return Verdict(Outcome.DOWN, Cause.HTTP_TRUNCATED, "the server hung up in the middle of the response")
    return Verdict(Outcome.DOWN, Cause.HTTP_NO_RESPONSE, "the server hung up without a response")


def redirected_too_often(hops: int) -> Verdict:
    return Verdict(Outcome.DOWN, Cause.HTTP_REDIRECT_LOOP, f"more than {hops} redirects")


def redirect_broken(location: str) -> Verdict:
    return Verdict(Outcome.DOWN, Cause.HTTP_MALFORMED, f"redirect to something that is no web address: {location}")


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
    if finding.has_required:
        return UP
    if finding.characters == 0:
        return Verdict(Outcome.DOWN, Cause.CONTENT_EMPTY, "the page is empty")
    where = "the part of the page that was read" if finding.cut else "the page"
    return Verdict(Outcome.DOWN, Cause.CONTENT_MISSING, f"{where} lacks the text {target.body_contains!r}")


def time_taken(target: HttpTarget, elapsed_ns: int) -> Verdict:
    """For the time after which an otherwise good response had met every expectation."""
    if target.max_latency_us and elapsed_ns > target.max_latency_us * 1000:
        detail = f"took {elapsed_ns / 1e9:.2f} s, more than {target.max_latency_us / 1e6:g} s"
        return Verdict(Outcome.DOWN, Cause.HTTP_TOO_SLOW, detail)
    return UP
