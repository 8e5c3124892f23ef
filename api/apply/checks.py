"""Which checks a site's declaration makes, and the CheckSpec of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urljoin

from google.protobuf.duration_pb2 import Duration

from quivive.configuration import CheckConfig, ExpectConfig, SiteConfig
from quivive.configuration.model import SITE_CHECK
from quivive.v1 import bus_pb2

PRESET_PATHS = {"wordpress": {"wp-login": "wp-login.php", "rest": "wp-json/"}}
"""What each preset looks at beside the site's own page, relative to it."""

DOWN_ATTEMPTS, ATTEMPT_GAP = 2, timedelta(milliseconds=500)
LONE_DOWN_ATTEMPTS, LONE_ATTEMPT_GAP = 3, timedelta(seconds=5)
"""Where one region looks alone it has to be surer (design section 5, rule 2)."""


@dataclass(frozen=True, slots=True)
class WantedCheck:
    """A check to be watched; id and revision of `spec` are still to be given."""

    site: str
    name: str
    type: str
    critical: bool
    paused: bool
    spec: bus_pb2.CheckSpec


def wanted_checks(site: SiteConfig, plan_interval: timedelta, regions: Sequence[str]) -> Iterator[WantedCheck]:
    """The site's checks: its own, those it lists, those of its preset. `regions` are all that are declared."""
    base = CheckConfig(name="site", url=site.url, expect=site.expect, max_latency=site.max_latency)
    yield _wanted(site, SITE_CHECK, True, base, plan_interval, regions)
    for check in site.checks:
        yield _wanted(site, check.name, check.critical, check, plan_interval, regions)
    for name, path in PRESET_PATHS[site.preset].items() if site.preset else ():
        extra = CheckConfig(name=name, url=urljoin(site.url, path))
        yield _wanted(site, name, False, extra, plan_interval, regions)


def _wanted(
    site: SiteConfig,
    name: str,
    critical: bool,
    check: CheckConfig,
    plan_interval: timedelta,
    regions: Sequence[str],
) -> WantedCheck:
    interval = check.interval or site.interval or plan_interval
    timeout = min(check.timeout or site.timeout, interval)
    watching = sorted(check.regions or site.regions or regions)
    alone = len(watching) == 1
    spec = bus_pb2.CheckSpec(
        name=f"sites/{site.id}/checks/{name}",
        regions=watching,
        interval=_duration(interval),
        timeout=_duration(timeout),
        down_attempts=LONE_DOWN_ATTEMPTS if alone else DOWN_ATTEMPTS,
        attempt_gap=_duration(LONE_ATTEMPT_GAP if alone else ATTEMPT_GAP),
        http=_target(check, site.headers if check.headers is None else check.headers),
    )
    return WantedCheck(site.id, name, "http", critical, site.paused, spec)


def _target(check: CheckConfig, headers: Mapping[str, str]) -> bus_pb2.HttpTarget:
    expect = check.expect or ExpectConfig()
    return bus_pb2.HttpTarget(
        url=check.url,
        headers=dict(headers),
        expect_status=expect.status,
        body_contains=expect.body_contains or "",
        body_excludes=expect.body_excludes or "",
        max_latency=None if check.max_latency is None else _duration(check.max_latency),
    )


def _duration(value: timedelta) -> Duration:
    message = Duration()
    message.FromTimedelta(value)
    return message
