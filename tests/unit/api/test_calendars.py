"""Months, days and maintenance in a customer's zone, over the shifts of summer time."""

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.calendars import Maintenance, days, maintenance_spans, month_window
from api.figures import Span
from quivive.domain.times import SECOND_US, to_datetime, to_us

PARIS = ZoneInfo("Europe/Paris")
HOUR_US = 3600 * SECOND_US


def at(text: str) -> int:
    """Microseconds of an ISO time in UTC."""
    return to_us(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("month", "start", "end"),
    [
        ("2026-01", "2025-12-31T23:00", "2026-01-31T23:00"),
        ("2026-03", "2026-02-28T23:00", "2026-03-31T22:00"),
        ("2026-10", "2026-09-30T22:00", "2026-10-31T23:00"),
        ("2026-12", "2026-11-30T23:00", "2026-12-31T23:00"),
    ],
)
def test_a_month_is_cut_at_local_midnights(month: str, start: str, end: str) -> None:
    assert month_window(month, PARIS) == Span(at(start), at(end))


@pytest.mark.parametrize(
    "month", ["", "2026", "2026-13", "2026-00", "2026-3", "26-03", "2026-03-01", "9999-12", "٢٠٢٦-٠٣"]
)
def test_what_is_no_month_is_refused(month: str) -> None:
    with pytest.raises(ValueError, match="is not a month"):
        month_window(month, PARIS)


def test_a_month_that_begins_in_a_gap_begins_at_the_shift() -> None:
    # Paraguay: on 2023-10-01 clocks went from 00:00 to 01:00.
    window = month_window("2023-10", ZoneInfo("America/Asuncion"))
    assert window.start_us == at("2023-10-01T04:00")


def test_days_have_23_to_25_hours() -> None:
    spring = list(days(month_window("2026-03", PARIS), PARIS))
    autumn = list(days(month_window("2026-10", PARIS), PARIS))
    assert len(spring) == len(autumn) == 31
    assert spring[28].end_us - spring[28].start_us == 23 * HOUR_US
    assert autumn[24].end_us - autumn[24].start_us == 25 * HOUR_US


@given(
    st.sampled_from(
        ["UTC", "Europe/Paris", "America/Asuncion", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe"]
    ),
    st.integers(1990, 2037),
    st.integers(1, 12),
)
def test_days_cover_their_month_without_gap(zone: str, year: int, month: int) -> None:
    window = month_window(f"{year}-{month:02}", ZoneInfo(zone))
    cut = list(days(window, ZoneInfo(zone)))
    assert cut[0].start_us == window.start_us
    assert cut[-1].end_us == window.end_us
    assert all(left.end_us == right.start_us for left, right in itertools.pairwise(cut))
    assert 27 <= len(cut) <= 31


def spans(cron: str, start: str, end: str, *, hours: int = 1, **life: int) -> list[tuple[str, str]]:
    """The maintenance spans in Paris, as UTC clock times."""
    maintenance = Maintenance(cron, None, hours * HOUR_US, **{"create_us": 0, **life})
    found = maintenance_spans(maintenance, PARIS, Span(at(start), at(end)))
    return [(f"{to_datetime(s.start_us):%d %H:%M}", f"{to_datetime(s.end_us):%d %H:%M}") for s in found]


def test_cron_runs_in_the_customer_s_zone() -> None:
    assert spans("0 3 * * SUN", "2026-01-05T00:00", "2026-01-19T00:00") == [
        ("11 02:00", "11 03:00"),
        ("18 02:00", "18 03:00"),
    ]
    assert spans("0 3 * * SUN", "2026-07-06T00:00", "2026-07-13T00:00") == [("12 01:00", "12 02:00")]


def test_a_local_time_that_is_missing_runs_at_the_shift() -> None:
    # On 2026-03-29 clocks go from 02:00 to 03:00, which is 01:00 UTC.
    assert spans("30 2 * * *", "2026-03-28T12:00", "2026-03-29T12:00") == [("29 01:00", "29 02:00")]


def test_a_local_time_that_comes_twice_runs_once() -> None:
    # On 2026-10-25 it is 02:30 at 00:30 and again at 01:30 UTC.
    assert spans("30 2 * * *", "2026-10-24T12:00", "2026-10-25T12:00") == [("25 00:30", "25 01:30")]


def test_a_duration_is_elapsed_time() -> None:
    assert spans("0 1 * * SUN", "2026-03-28T12:00", "2026-03-29T12:00", hours=3) == [("29 00:00", "29 03:00")]


def test_a_span_that_began_before_the_window_reaches_into_it() -> None:
    assert spans("0 3 * * SUN", "2026-01-11T02:30", "2026-01-11T12:00") == [("11 02:30", "11 03:00")]


def test_maintenance_counts_from_its_declaration_until_its_removal() -> None:
    declared, removed = at("2026-01-12T00:00"), at("2026-01-25T02:30")
    found = spans("0 3 * * SUN", "2026-01-01T00:00", "2026-03-01T00:00", create_us=declared, delete_us=removed)
    assert found == [("18 02:00", "18 03:00"), ("25 02:00", "25 02:30")]


def test_a_single_span_is_clipped_to_the_window() -> None:
    maintenance = Maintenance(None, at("2026-01-01T00:00"), 4 * HOUR_US, create_us=0)
    window = Span(at("2026-01-01T01:00"), at("2026-01-01T02:00"))
    assert list(maintenance_spans(maintenance, PARIS, window)) == [window]
    assert not list(maintenance_spans(maintenance, PARIS, Span(at("2026-01-01T04:00"), at("2026-01-01T05:00"))))


@given(st.integers(0, 400), st.integers(1, 40))
def test_cutting_the_window_does_not_change_what_is_maintained(first_hour: int, hours: int) -> None:
    maintenance = Maintenance("15 */5 * * *", None, 2 * HOUR_US, create_us=0)
    start = at("2026-03-20T00:00") + first_hour * HOUR_US
    whole = Span(start, start + hours * HOUR_US)
    pieces = [Span(start + n * HOUR_US, start + (n + 1) * HOUR_US) for n in range(hours)]

    def covered(window: Span) -> set[int]:
        step = timedelta(minutes=15) // timedelta(microseconds=1)
        return {
            instant
            for span in maintenance_spans(maintenance, PARIS, window)
            for instant in range(span.start_us, span.end_us, step)
        }

    assert covered(whole) == set().union(*map(covered, pieces))
