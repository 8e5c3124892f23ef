"""What a declaration costs a site."""

from datetime import timedelta

import pytest

from quivive.cli.traffic import plan_intervals, traffic_of
from quivive.configuration import SiteConfig

MINUTES_A_MONTH = 30 * 24 * 60


def site(**more: object) -> SiteConfig:
    return SiteConfig.model_validate({"id": "a", "customer": "c", "url": "https://a.example/", **more})


@pytest.mark.parametrize(
    ("more", "requests"),
    [
        ({}, 3 * MINUTES_A_MONTH),
        ({"interval": "30s"}, 6 * MINUTES_A_MONTH),
        ({"regions": ["x"]}, MINUTES_A_MONTH),
        ({"paused": True}, 0),
        ({"preset": "wordpress"}, 4 * 3 * MINUTES_A_MONTH),
        ({"checks": [{"name": "mx", "dns": {"name": "a.example"}, "interval": "1h"}]}, 3 * (MINUTES_A_MONTH + 30 * 24)),
        ({"checks": [{"name": "job", "heartbeat": {"period": "1d"}}]}, 3 * MINUTES_A_MONTH),
    ],
)
def test_requests_are_checks_by_regions_by_rounds(more: dict[str, object], requests: int) -> None:
    traffic = traffic_of(site(**more), timedelta(minutes=1), 3)
    assert traffic is not None
    assert traffic.requests == requests


def test_nothing_is_said_where_something_is_unknown() -> None:
    assert traffic_of(site(), None, 3) is None
    assert traffic_of(site(), timedelta(minutes=1), 0) is None


def test_a_customers_interval_is_its_plans() -> None:
    declared = {
        "plans": [{"id": "p", "interval": "1min"}],
        "customers": [{"id": "c", "plan": "p"}, {"id": "d", "plan": "q"}],
    }
    assert plan_intervals(declared) == {"c": timedelta(minutes=1)}
