"""How long an outage must last, how grave it is, and when its response target is in danger."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from aggregator.escalate.terms import Rule, Terms, remind_us, terms
from quivive.business_hours import parse_business_hours
from quivive.domain.times import to_datetime, to_us
from quivive.domain.words import Cause, Responsibility
from quivive.working_time import WorkingTime

MINUTE = 60_000_000
PARIS = ZoneInfo("Europe/Paris")
THEIRS = Rule(responsibilities=frozenset({"customer"}), severity="minor", page_after_us=30 * MINUTE)
EXPIRED = Rule(causes=frozenset({"TLS_EXPIRED"}), severity="major")


@pytest.mark.parametrize(
    ("rules", "cause", "responsibility", "expected"),
    [
        ([], Cause.TCP_REFUSED, Responsibility.HOST, Terms(MINUTE, "critical")),
        ([EXPIRED, THEIRS], Cause.TLS_EXPIRED, Responsibility.CERTIFICATE, Terms(MINUTE, "major")),
        ([EXPIRED, THEIRS], Cause.TLS_EXPIRED, Responsibility.CUSTOMER, Terms(30 * MINUTE, "major")),
        ([THEIRS], Cause.TCP_REFUSED, Responsibility.HOST, Terms(MINUTE, "critical")),
        ([], Cause.CONTENT_MAINTENANCE_MODE, Responsibility.APPLICATION, Terms(10 * MINUTE, "critical")),
        ([Rule(page_after_us=0)], Cause.CONTENT_MAINTENANCE_MODE, Responsibility.APPLICATION, Terms(0, "critical")),
    ],
)
def test_the_first_rule_that_fits_and_says_so_decides(
    rules: Sequence[Rule], cause: Cause, responsibility: Responsibility, expected: Terms
) -> None:
    assert terms(rules, MINUTE, cause, responsibility) == expected


@pytest.mark.parametrize(
    ("page", "target_h", "hours", "expected"),
    [
        ("2026-03-06T17:30+01:00", 1, "MON-FRI 09:00-18:00", "2026-03-09T09:15+01:00"),
        ("2026-03-28T23:00+01:00", 4, None, "2026-03-29T03:00+02:00"),  # three hours of which the clock shows four
        ("2026-10-24T23:00+02:00", 4, None, "2026-10-25T00:00+00:00"),
    ],
)
def test_three_quarters_of_the_target_are_counted_in_the_plan_s_hours(
    page: str, target_h: int, hours: str | None, expected: str
) -> None:
    week = None if hours is None else parse_business_hours(hours)
    working = WorkingTime(week, PARIS, lambda _: frozenset[date]())
    due_us = remind_us(to_us(datetime.fromisoformat(page)), target_h * 60 * MINUTE, working)
    assert due_us is not None
    assert to_datetime(due_us) == datetime.fromisoformat(expected)
