"""When announced work runs, and when a page is due beside it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from aggregator.maintenance import LONGEST_MUTE_US, Rule, page_due_us, running_until
from quivive.domain.times import to_us

MINUTE = 60_000_000
HOUR = 60 * MINUTE
PARIS = "Europe/Paris"


def paris(text: str) -> int:
    return to_us(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(PARIS)))


SUNDAYS = Rule(HOUR, PARIS, cron="0 3 * * SUN")


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-03-01T02:59:59", None),
        ("2026-03-01T03:00:00", "2026-03-01T04:00:00"),
        ("2026-03-01T03:59:59", "2026-03-01T04:00:00"),
        ("2026-03-01T04:00:00", None),
        ("2026-03-02T03:30:00", None),
    ],
)
def test_a_weekly_hour_runs_in_the_customers_zone(now: str, until: str | None) -> None:
    assert running_until([SUNDAYS], paris(now)) == (None if until is None else paris(until))


def test_a_single_span_runs_from_its_start_for_its_length() -> None:
    rule = Rule(HOUR, PARIS, start_us=paris("2026-03-04T12:00"))
    assert running_until([rule], paris("2026-03-04T12:30")) == paris("2026-03-04T13:00")
    assert running_until([rule], paris("2026-03-04T11:59")) is None
    assert running_until([rule], paris("2026-03-04T13:00")) is None


def test_work_across_the_shift_lasts_its_elapsed_time() -> None:
    rule = Rule(4 * HOUR, PARIS, cron="0 1 * * *")
    # On 2026-03-29 the wall jumps from 02:00 to 03:00.
    assert running_until([rule], paris("2026-03-29T01:30")) == paris("2026-03-29T06:00")


def test_the_latest_end_of_overlapping_work_counts() -> None:
    rules = [SUNDAYS, Rule(3 * HOUR, PARIS, start_us=paris("2026-03-01T03:30"))]
    assert running_until(rules, paris("2026-03-01T03:45")) == paris("2026-03-01T06:30")


def test_without_maintenance_a_page_is_due_after_the_plans_delay() -> None:
    confirm = paris("2026-03-01T12:00")
    assert page_due_us(confirm, 3 * MINUTE, [SUNDAYS]) == confirm + 3 * MINUTE


def test_a_page_waits_for_the_end_of_the_work_that_runs() -> None:
    assert page_due_us(paris("2026-03-01T03:10"), 0, [SUNDAYS]) == paris("2026-03-01T04:00")


def test_a_page_that_would_fall_due_during_work_waits_too() -> None:
    assert page_due_us(paris("2026-03-01T02:59"), 3 * MINUTE, [SUNDAYS]) == paris("2026-03-01T04:00")


def test_work_that_has_ended_by_then_delays_nothing() -> None:
    assert page_due_us(paris("2026-03-01T03:59"), 3 * MINUTE, [SUNDAYS]) == paris("2026-03-01T04:02")


def test_endless_work_does_not_mute_for_ever() -> None:
    endless = Rule(2 * HOUR, PARIS, cron="0 * * * *")
    confirm = paris("2026-03-01T03:10")
    assert confirm + LONGEST_MUTE_US <= page_due_us(confirm, 0, [endless]) < confirm + LONGEST_MUTE_US + 2 * HOUR
