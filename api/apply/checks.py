"""Which checks a site's declaration makes, and the CheckSpec of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from api.apply.presets import preset_checks
from api.apply.rhythms import longest_gap
from quivive.configuration import CheckConfig, DnsConfig, ExpectConfig, HeartbeatConfig, SiteConfig, TcpConfig
from quivive.configuration.model import SITE_CHECK
from quivive.configuration.values import status_range
from quivive.domain.checks import HEARTBEAT_REGION
from quivive.v1 import bus_pb2

DOWN_ATTEMPTS, ATTEMPT_GAP = 2, timedelta(milliseconds=500)
LONE_DOWN_ATTEMPTS, LONE_ATTEMPT_GAP = 3, timedelta(seconds=5)
"""Where one region looks alone it has to be surer (design section 5, rule 2)."""
SILENCES = 1
"""Of a job: one is the vote (rule 13)."""
OBSERVED_WITHIN = timedelta(seconds=15)
"""A heartbeat's timeout is this and its grace: a call, and a start after it, count until silence has become a vote of its own."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a site's checks take from elsewhere: its customer's plan and zone, the declared regions, what this server can do."""

    interval: timedelta
    timezone: str
    regions: Sequence[str]
    """Those that are not drained."""
    drained: frozenset[str]
    heartbeats: bool
    """Whether jobs can call this server."""


@dataclass(frozen=True, slots=True)
class WantedCheck:
    """A check to be watched; id and revision of `spec` are still to be given."""

    site: str
    name: str
    type: str
    critical: bool
    paused: bool
    spec: bus_pb2.CheckSpec


def wanted_checks(site: SiteConfig, terms: Terms) -> Iterator[WantedCheck]:
    """The site's checks: its own, those it lists, those of its preset."""
    own = CheckConfig(
        name="site",
        url=site.url,
        expect=site.expect,
        max_latency=site.max_latency,
        method=site.method,
        body=site.body,
        auth=site.auth,
        drift=site.drift,
    )
    yield _wanted(site, SITE_CHECK, own, terms)
    for check in site.checks:
        yield _wanted(site, check.name, check, terms)
    for extra in preset_checks(site):
        if extra.config.heartbeat is None or terms.heartbeats:
            yield _wanted(site, extra.config.name, extra.config, terms, uncached=extra.uncached, dormant=True)


def target_text(spec: bus_pb2.CheckSpec) -> str:
    """What a check looks at, for people."""
    match spec.WhichOneof("target"):
        case "tcp":
            host = f"[{spec.tcp.host}]" if ":" in spec.tcp.host else spec.tcp.host
            return f"{'tls' if spec.tcp.tls else 'tcp'}://{host}:{spec.tcp.port}"
        case "dns":
            return f"dns://{spec.dns.name}/{spec.dns.record}"
        case "heartbeat":
            _, site, _, check = spec.name.split("/")
            return f"heartbeat://{site}/{check}"
        case _:
            return spec.http.url


def _wanted(
    site: SiteConfig, name: str, check: CheckConfig, terms: Terms, *, uncached: bool = False, dormant: bool = False
) -> WantedCheck:
    interval = check.interval or site.interval or terms.interval
    named = check.regions or site.regions or terms.regions
    watching = sorted(region for region in named if region not in terms.drained)
    alone = len(watching) == 1
    spec = bus_pb2.CheckSpec(
        name=f"sites/{site.id}/checks/{name}",
        regions=watching,
        interval=_duration(interval),
        timeout=_duration(min(check.timeout or site.timeout, interval)),
        down_attempts=LONE_DOWN_ATTEMPTS if alone else DOWN_ATTEMPTS,
        attempt_gap=_duration(LONE_ATTEMPT_GAP if alone else ATTEMPT_GAP),
    )
    match check:
        case CheckConfig(tcp=TcpConfig() as tcp):
            spec.tcp.CopyFrom(_tcp(tcp, check))
            spec.tcp.ip_family = _family(check, site)
        case CheckConfig(dns=DnsConfig() as dns):
            spec.dns.CopyFrom(_dns(dns, check))
        case CheckConfig(heartbeat=HeartbeatConfig() as heartbeat):
            _beat(spec, heartbeat, terms.timezone, dormant=dormant)
        case CheckConfig(url=str()):
            spec.http.CopyFrom(_http(check, site))
            spec.http.uncached = uncached
            if dormant:
                spec.http.ClearField("drift")
        case _:
            raise AssertionError("a check is of one kind")
    kind = spec.WhichOneof("target")
    assert kind is not None
    return WantedCheck(site.id, name, kind, check.critical, site.paused, spec)


def _http(check: CheckConfig, site: SiteConfig) -> bus_pb2.HttpTarget:
    expect = check.expect or ExpectConfig()
    headers: Mapping[str, str] = site.headers if check.headers is None else check.headers
    target = bus_pb2.HttpTarget(
        url=check.url or "",
        headers=dict(headers),
        body_contains=expect.body_contains or "",
        body_excludes=expect.body_excludes or "",
        max_latency=_limit(check),
        method="" if check.method == "GET" else check.method,
        body=(check.body or "").encode(),
        auth=_auth(check, site),
        ip_family=_family(check, site),
    )
    for status in expect.status:
        first, last = status_range(status)
        if first == last:
            target.expect_status.append(first)
        else:
            target.expect_status_ranges.add(first=first, last=last)
    drift = check.drift or site.drift
    mode = drift.mode if drift is not None else "warning"
    if mode != "off" and check.method in ("GET", "POST"):
        target.drift.outage = mode == "outage"
        if drift is not None and drift.since is not None:
            target.drift.since.FromDatetime(drift.since)
    return target


def _auth(check: CheckConfig, site: SiteConfig) -> bus_pb2.HttpAuth | None:
    """The check's own, else the site's where it goes to the site's own address: a password is not for strangers."""
    auth = check.auth
    if auth is None and site.auth is not None and _origin(check.url or "") == _origin(site.url):
        auth = site.auth
    if auth is None:
        return None
    return bus_pb2.HttpAuth(secret=auth.bearer or auth.password or "", user=auth.user or "")


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3]).lower()


def _tcp(tcp: TcpConfig, check: CheckConfig) -> bus_pb2.TcpTarget:
    return bus_pb2.TcpTarget(
        host=tcp.host,
        port=tcp.port,
        tls=tcp.tls,
        send=(tcp.send or "").encode(),
        expect=(tcp.expect or "").encode(),
        max_latency=_limit(check),
    )


def _dns(dns: DnsConfig, check: CheckConfig) -> bus_pb2.DnsTarget:
    return bus_pb2.DnsTarget(
        name=dns.name,
        record=dns.record,
        expect=dns.expect,
        exact=dns.exact,
        resolvers=dns.resolvers,
        max_latency=_limit(check),
    )


def _beat(spec: bus_pb2.CheckSpec, heartbeat: HeartbeatConfig, timezone: str, *, dormant: bool) -> None:
    """The api is the one region that looks, and one silence is the vote."""
    if heartbeat.cron is not None:
        interval = longest_gap(heartbeat.cron, timezone)
        spec.heartbeat.cron, spec.heartbeat.timezone = heartbeat.cron, timezone
    else:
        assert heartbeat.period is not None
        interval = heartbeat.period
    spec.heartbeat.grace.CopyFrom(_duration(heartbeat.grace))
    spec.heartbeat.dormant = dormant
    spec.regions[:] = [HEARTBEAT_REGION]
    spec.interval.CopyFrom(_duration(interval))
    spec.timeout.CopyFrom(_duration(heartbeat.grace + OBSERVED_WITHIN))
    spec.down_attempts = SILENCES
    spec.ClearField("attempt_gap")


def _family(check: CheckConfig, site: SiteConfig) -> int:
    """4, 6, or 0 for any."""
    version = check.ip or site.ip or "any"
    return 0 if version == "any" else int(version)


def _limit(check: CheckConfig) -> Duration | None:
    return None if check.max_latency is None else _duration(check.max_latency)


def _duration(value: timedelta) -> Duration:
    message = Duration()
    message.FromTimedelta(value)
    return message
