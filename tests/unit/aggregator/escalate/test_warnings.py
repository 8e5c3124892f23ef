"""What deserves an early warning."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.escalate import warnings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("left_days", "days"), [(31, None), (30, 30), (29, 30), (14, 14), (10, 14), (7, 7), (3, 3), (2, 3), (1, 1), (-5, 1)]
)
def test_each_threshold_is_a_warning_of_its_own(left_days: int, days: int | None) -> None:
    assert warnings.threshold(NOW + timedelta(days=left_days), NOW) == days


def test_a_certificate_is_named_with_its_host_and_time() -> None:
    found = warnings.certificate("shop", 7, "www.shop.example", "ab" * 32, NOW + timedelta(days=6), NOW)
    assert found is not None
    assert found.key == "certificate/7/www.shop.example/abababababababab/7"
    assert (found.title, found.detail) == ("shop: certificate of www.shop.example", "expires 2026-03-07 12:00 UTC")
    assert warnings.certificate("shop", 7, "h", "ab", None, NOW) is None


def test_a_renewed_certificate_of_the_same_issuer_is_no_news_and_of_another_it_is() -> None:
    assert warnings.issuer("s", 7, "h", "ab", "R11", None) is None
    assert warnings.issuer("s", 7, "h", "ab", "R11", "R11") is None
    found = warnings.issuer("s", 7, "h", "ab", "Evil CA", "R11")
    assert found is not None
    assert found.detail == "is from another issuer: Evil CA, before R11"


@pytest.mark.parametrize(
    ("rates", "window"),
    [
        ({HOUR: 20.0, 5 * MINUTE: 30.0, 6 * HOUR: 9.0, 30 * MINUTE: 25.0}, "1h"),
        ({HOUR: 20.0, 5 * MINUTE: 0.0, 6 * HOUR: 9.0, 30 * MINUTE: 8.0}, "6h"),
        ({HOUR: 20.0, 5 * MINUTE: 0.0, 6 * HOUR: 9.0, 30 * MINUTE: 0.0}, None),
        ({HOUR: None, 5 * MINUTE: None}, None),
        ({}, None),
    ],
)
def test_a_budget_burns_while_both_windows_say_so(rates: dict[timedelta, float | None], window: str | None) -> None:
    found = warnings.burning("shop", 7, 0.999, rates)
    assert (found and found.key) == (window and f"burning/7/{window}")


def test_names_to_ask_registries_for() -> None:
    hosts = ["www.shop.example", "shop.example", "a.b.example.co.uk", "192.0.2.7", "localhost", "www.exemple.fr"]
    assert warnings.registered_domains(hosts) == [
        ("shop.example", "www.shop.example"),
        ("shop.example",),
        ("example.co.uk", "co.uk"),
        ("exemple.fr", "www.exemple.fr"),
    ]
