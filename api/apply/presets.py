"""What a preset adds to a site: the usual things that break, each looked at in its own way."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urljoin

from quivive.configuration import CheckConfig, ExpectConfig, HeartbeatConfig, SiteConfig

CRON_PERIOD, CRON_GRACE = timedelta(hours=1), timedelta(minutes=30)
"""WordPress runs its jobs when somebody visits: an hourly one may well be late."""


@dataclass(frozen=True, slots=True)
class Extra:
    """One check of a preset."""

    config: CheckConfig
    uncached: bool = False


def preset_checks(site: SiteConfig) -> Iterator[Extra]:
    """The checks that the site's preset adds.

    The front page past every cache is critical: it is what a cart, a form or a search meets when PHP or the database is gone
    while caches still show the page. The others say what is wrong before a visitor does, and decide nothing.
    """
    if site.preset != "wordpress":
        return
    yield Extra(
        CheckConfig(name="wp-login", url=urljoin(site.url, "wp-login.php"), critical=False),
    )
    yield Extra(
        # Many sites rightly show it to nobody: that it answers is enough.
        CheckConfig(
            name="rest",
            url=urljoin(site.url, "wp-json/"),
            critical=False,
            expect=ExpectConfig(status=("2xx", 401)),
        ),
    )
    yield Extra(
        CheckConfig(name="uncached", url=site.url, expect=site.expect, method=site.method, body=site.body),
        uncached=True,
    )
    yield Extra(
        CheckConfig(name="wp-cron", critical=False, heartbeat=HeartbeatConfig(period=CRON_PERIOD, grace=CRON_GRACE)),
    )
