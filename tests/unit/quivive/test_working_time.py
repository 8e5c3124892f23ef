"""Response targets in working time: hours, holidays, changes of summer time."""

from datetime import date, datetime
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.response import Paged, Response, Responses, count, judge
from quivive.business_hours import DEFAULT, parse_business_hours
from quivive.domain.times import SECOND_US, to_us
from quivive.holidays import holidays_in
from quivive.working_time import WorkingTime

PARIS = ZoneInfo("Europe/Paris")
HOUR_US = 3600 * SECOND_US


def paris(text: str) -> int:
    return to_us(datetime.fromisoformat(text).replace(tzinfo=PARIS))


def working(hours: str | None = DEFAULT, place: str = "FR", zone: ZoneInfo = PARIS) -> WorkingTime:
    week = None if hours is None else parse_business_hours(hours)
    return WorkingTime(week, zone, partial(holidays_in, place))


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-03-03T10:00", 4, "2026-03-03T14:00"),
        ("2026-03-03T17:00", 4, "2026-03-04T12:00"),  # over a night
        ("2026-03-06T17:30", 1, "2026-03-09T09:30"),  # over a weekend
        ("2026-03-07T03:00", 1, "2026-03-09T10:00"),  # paged on a Saturday
        ("2026-07-13T17:00", 4, "2026-07-15T12:00"),  # over the fourteenth of July
        ("2026-04-03T17:00", 2, "2026-04-07T10:00"),  # Good Friday is worked in Paris, Easter Monday is not
        ("2026-03-03T09:00", 9, "2026-03-03T18:00"),  # a whole day ends with it
        ("2026-12-31T17:00", 2, "2027-01-04T10:00"),  # over New Year
    ],
)
def test_working_time_passes_over_nights_weekends_and_holidays(start: str, hours: int, due: str) -> None:
    assert working().due_us(paris(start), hours * HOUR_US) == paris(due)


def test_good_friday_is_a_holiday_in_alsace() -> None:
    assert working(place="FR-6AE").due_us(paris("2026-04-02T17:00"), 2 * HOUR_US) == paris("2026-04-07T10:00")


def test_around_the_clock_is_elapsed_time_also_over_a_change() -> None:
    start = paris("2026-03-29T01:30")
    assert working(None).due_us(start, HOUR_US) == start + HOUR_US == paris("2026-03-29T03:30")


def test_a_shift_over_a_change_is_what_really_passes() -> None:
    nights = working("SAT-SUN 00:00-24:00", place="")
    assert nights.between_us(paris("2026-03-28T00:00"), paris("2026-03-30T00:00")) == 47 * HOUR_US
    assert nights.between_us(paris("2026-10-24T00:00"), paris("2026-10-26T00:00")) == 49 * HOUR_US


def test_a_shift_that_begins_at_a_time_left_out_begins_at_the_change() -> None:
    early = working("SUN 02:30-06:00", place="")
    assert early.due_us(paris("2026-03-29T00:00"), HOUR_US) == paris("2026-03-29T04:00")


def test_hours_that_never_come_are_never_due() -> None:
    class AlwaysOff(frozenset[date]):
        def __contains__(self, day: object) -> bool:
            return True

    never = WorkingTime(parse_business_hours(DEFAULT), PARIS, lambda year: AlwaysOff())
    assert never.due_us(paris("2026-03-03T10:00"), HOUR_US) is None


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1)),  # noqa: DTZ001
    st.integers(1, 40 * HOUR_US),
    st.sampled_from(["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.sampled_from(
        [DEFAULT, "MON-SUN 00:00-24:00", "MON-FRI 08:30-12:00 14:00-18:00, SAT 09:00-12:00", "SUN 02:00-03:00"]
    ),
)
def test_between_start_and_due_lies_exactly_the_target(start: datetime, target: int, zone: str, hours: str) -> None:
    time = working(hours, zone=ZoneInfo(zone))
    start_us = to_us(start.replace(tzinfo=ZoneInfo(zone)))
    due = time.due_us(start_us, target)
    assert due is not None
    assert time.between_us(start_us, due) == target
    assert time.between_us(start_us, due - 1) == target - 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MON",
        "09:00-18:00",
        "MON-FRI",
        "FRI-MON 09:00-18:00",
        "MON 18:00-09:00",
        "MON 9-18",
        "MON 09:00-25:00",
        "MON 09:00-12:00 11:00-13:00",
        "MON 08:60-09:00",
        "MON 08:00-09:00, MON 08:30-10:00",
    ],
)
def test_what_are_no_business_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"hour|weekday"):
        parse_business_hours(text)


@pytest.mark.parametrize(
    ("acknowledge", "resolve", "now", "expected"),
    [
        ("09:59", None, "12:00", Response.MET),
        ("10:00", None, "12:00", Response.MET),
        ("10:01", None, "12:00", Response.BREACHED),
        (None, "09:30", "12:00", Response.NOT_DUE),
        (None, "10:00", "12:00", Response.NOT_DUE),
        (None, "10:01", "12:00", Response.BREACHED),
        ("09:45", "09:30", "12:00", Response.MET),
        (None, None, "09:59", Response.PENDING),
        (None, None, "10:01", Response.BREACHED),
    ],
)
def test_a_target_is_met_breached_not_due_or_pending(
    acknowledge: str | None, resolve: str | None, now: str, expected: Response
) -> None:
    def at(text: str | None) -> int | None:
        return None if text is None else paris(f"2026-03-03T{text}")

    paged = Paged(paris("2026-03-02T18:30"), at(acknowledge), at(resolve))
    assert judge(paged, HOUR_US, working(), paris(f"2026-03-03T{now}")) is expected


def test_responses_are_counted_by_kind() -> None:
    assert count([Response.MET, Response.MET, Response.PENDING]) == Responses(met=2, pending=1)
