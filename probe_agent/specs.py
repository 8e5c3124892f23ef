"""From a CheckSpec on the bus to a check as a value; whatever makes no sense is refused."""

import re
from datetime import timedelta
from functools import lru_cache

import httpx
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError

from probe_agent.checks import Check
from probe_agent.targets import DnsTarget, Drift, HttpAuth, HttpTarget, Target, TcpTarget
from quivive.domain.dns import RECORD_TYPES, canonical
from quivive.domain.pages import PageBaseline
from quivive.v1 import bus_pb2

MAX_ATTEMPTS = 10
"""Numbers 0 to 9 are the scheduled attempts'."""
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})

_SECRET_NAME = re.compile(r"QUIVIVE_SECRET_[A-Z0-9_]{1,80}")


class BadSpec(Exception):
    """A CheckSpec that this agent cannot make anything of."""


def parse(data: bytes) -> Check:
    """A CheckSpec as a value. BadSpec says what is wrong with it."""
    try:
        spec = bus_pb2.CheckSpec.FromString(data)
    except DecodeError as error:
        raise BadSpec("not a CheckSpec") from error
    target = _target(spec)
    regions = tuple(spec.regions)
    if spec.id == 0 or not regions or regions != tuple(sorted(set(regions))):
        raise BadSpec("no id, or regions that are not sorted")
    interval_us, timeout_us = _us(spec.interval), _us(spec.timeout)
    if interval_us <= 0 or timeout_us <= 0 or not 1 <= spec.down_attempts <= MAX_ATTEMPTS:
        raise BadSpec("interval, timeout or attempts out of bounds")
    return Check(
        id=spec.id,
        revision=spec.revision,
        name=spec.name,
        regions=regions,
        interval_us=interval_us,
        timeout_us=timeout_us,
        down_attempts=spec.down_attempts,
        attempt_gap_us=max(_us(spec.attempt_gap), 0),
        target=target,
    )


def _target(spec: bus_pb2.CheckSpec) -> Target:
    match spec.WhichOneof("target"):
        case "http":
            return _http(spec.http)
        case "tcp":
            return _tcp(spec.tcp)
        case "dns":
            return _dns(spec.dns)
        case _:
            raise BadSpec("a kind of check that this version does not know")


def _http(http: bus_pb2.HttpTarget) -> HttpTarget:
    method = http.method or "GET"
    if method not in METHODS:
        raise BadSpec(f"method {method} is none that is used")
    if http.HasField("auth") and not _SECRET_NAME.fullmatch(http.auth.secret):
        # Any other variable is none of a configuration's business: the broker's password is among them.
        raise BadSpec("a secret that is not named QUIVIVE_SECRET_...")
    return HttpTarget(
        url=_url(http.url),
        headers=tuple(sorted(http.headers.items())),
        expect_status=_statuses(tuple(http.expect_status), tuple((r.first, r.last) for r in http.expect_status_ranges)),
        body_contains=http.body_contains,
        body_excludes=http.body_excludes,
        max_latency_us=_us(http.max_latency),
        method=method,
        body=http.body,
        auth=HttpAuth(http.auth.secret, http.auth.user) if http.HasField("auth") else None,
        drift=_drift(http.drift) if http.HasField("drift") else None,
        ip_family=_family(http.ip_family),
        uncached=http.uncached,
    )


@lru_cache(maxsize=1024)
def _statuses(single: tuple[int, ...], ranges: tuple[tuple[int, int], ...]) -> frozenset[int]:
    """Shared between checks: thousands of them say `2xx`."""
    if any(not 100 <= first <= last <= 599 for first, last in ranges):
        raise BadSpec("a range of statuses outside 100 to 599")
    return frozenset(single).union(*(range(first, last + 1) for first, last in ranges))


def _drift(drift: bus_pb2.Drift) -> Drift:
    if not drift.HasField("baseline"):
        return Drift(drift.outage)
    known = drift.baseline
    return Drift(
        drift.outage,
        PageBaseline(
            titles=tuple(known.titles),
            text_hash=known.text_hash,
            words=known.words,
            text_spread=known.text_spread,
            script_hosts=frozenset(known.script_hosts),
            outgoing_links=known.outgoing_links,
            hidden_links=known.hidden_links,
        ),
    )


def _tcp(tcp: bus_pb2.TcpTarget) -> TcpTarget:
    if not tcp.host or not 1 <= tcp.port <= 65535:
        raise BadSpec("no host, or a port that there is not")
    return TcpTarget(tcp.host, tcp.port, tcp.tls, tcp.send, tcp.expect, _us(tcp.max_latency), _family(tcp.ip_family))


def _dns(dns: bus_pb2.DnsTarget) -> DnsTarget:
    if not dns.name or dns.record not in RECORD_TYPES:
        raise BadSpec(f"no name, or a record type that is not asked for: {dns.record}")
    try:
        expect = frozenset(canonical(dns.record, answer) for answer in dns.expect)
    except ValueError as error:
        raise BadSpec(str(error)) from error
    return DnsTarget(
        name=dns.name,
        record=dns.record,
        expect=expect,
        exact=dns.exact,
        resolvers=tuple(dns.resolvers),
        max_latency_us=_us(dns.max_latency),
    )


def _family(number: int) -> int:
    if number not in (0, 4, 6):
        raise BadSpec(f"IP version {number}: there are 4 and 6")
    return number


def _us(duration: Duration) -> int:
    return int(duration.ToTimedelta() / timedelta(microseconds=1))


def _url(text: str) -> str:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise BadSpec(f"not a URL: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise BadSpec("not an http or https URL")
    return text
