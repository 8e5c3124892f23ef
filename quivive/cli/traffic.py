"""What a site's checks cost it: requests and bytes a month. An estimate, for pages are as large as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from quivive.configuration import CheckConfig, SiteConfig
from quivive.configuration.durations import parse_duration
from quivive.configuration.model import PRESET_CHECKS

MONTH = timedelta(days=30)
KB_A_PAGE, KB_A_CONNECTION, KB_A_QUESTION = 40.0, 5.0, 0.3
"""A fresh TLS connection is some 6 kB; a page of a shop, compressed, some 30 kB and more. Pages are read to 1 MiB at most."""
UNREQUESTED = frozenset(("wp-cron",))
"""Of presets: the site calls us."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Per month, of all regions together."""

    requests: int
    gigabytes: float

    def __str__(self) -> str:
        amount = f"{self.gigabytes:.1f}" if self.gigabytes < 10 else f"{self.gigabytes:,.0f}"
        return f"{self.requests:,} requests, about {amount} GB a month"


def traffic_of(site: SiteConfig, plan_interval: timedelta | None, regions: int) -> Traffic | None:
    """Of all its checks; None where the interval or the regions are unknown."""
    requests, kilobytes = 0.0, 0.0
    checks: list[tuple[CheckConfig | None, float]] = [(None, KB_A_PAGE)]
    checks += [(check, _weight(check)) for check in site.checks if check.heartbeat is None]
    if site.preset:
        checks += [(None, KB_A_PAGE) for name in PRESET_CHECKS[site.preset] if name not in UNREQUESTED]
    if site.paused:
        return Traffic(0, 0.0)
    for check, weight in checks:
        interval = (check.interval if check is not None else None) or site.interval or plan_interval
        watching = len((check.regions if check is not None else None) or site.regions or ()) or regions
        if not interval or not watching:
            return None
        requests += MONTH / interval * watching
        kilobytes += MONTH / interval * watching * weight
    return Traffic(round(requests), kilobytes / 1e6)


def plan_intervals(declared: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, timedelta]:
    """Each customer's interval, by its plan."""
    plans = {plan["id"]: parse_duration(plan["interval"]) for plan in declared.get("plans", ())}
    return {
        customer["id"]: plans[customer["plan"]]
        for customer in declared.get("customers", ())
        if customer["plan"] in plans
    }


def _weight(check: CheckConfig) -> float:
    return KB_A_PAGE if check.url is not None else KB_A_CONNECTION if check.tcp is not None else KB_A_QUESTION
