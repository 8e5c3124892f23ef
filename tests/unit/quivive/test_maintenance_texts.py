"""iCalendar texts as announcements of maintenance."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from quivive.domain.times import to_datetime, to_us
from quivive.maintenance import Work, check_ical, occurrences

PARIS = ZoneInfo("Europe/Paris")
SUNDAYS = """BEGIN:VEVENT
UID:sundays
SUMMARY:Updates
DTSTART;TZID=Europe/Paris:20260104T010000
DTEND;TZID=Europe/Paris:20260104T040000
RRULE:FREQ=WEEKLY;BYDAY=SU
EXDATE;TZID=Europe/Paris:20260405T010000
END:VEVENT"""
ONCE = "BEGIN:VEVENT\nUID:once\nDTSTART:20260310T220000\nDURATION:PT90M\nEND:VEVENT"


def spans(text: str, start: str, end: str) -> list[tuple[str, str, bool]]:
    first, last = (to_us(datetime.fromisoformat(day).replace(tzinfo=UTC)) for day in (start, end))
    return [
        (f"{to_datetime(o.start_us):%m-%d %H:%M}", f"{to_datetime(o.end_us):%m-%d %H:%M}", o.single)
        for o in occurrences(Work(ical=text), PARIS, first, last)
    ]


def test_a_rule_recurs_with_elapsed_lengths_and_exceptions() -> None:
    assert spans(SUNDAYS, "2026-03-20", "2026-04-13") == [
        ("03-22 00:00", "03-22 03:00", False),
        ("03-29 00:00", "03-29 03:00", False),  # the clocks jump in between
        ("04-11 23:00", "04-12 02:00", False),
    ]


def test_a_single_event_without_a_zone_is_in_the_customer_s() -> None:
    assert spans(ONCE, "2026-03-01", "2026-04-01") == [("03-10 21:00", "03-10 22:30", True)]


def test_a_whole_day_has_the_hours_it_has() -> None:
    day = "BEGIN:VEVENT\nUID:day\nDTSTART;VALUE=DATE:20260329\nEND:VEVENT"
    assert spans(day, "2026-03-01", "2026-04-01") == [("03-28 23:00", "03-29 22:00", True)]


def test_a_cancelled_event_is_none() -> None:
    assert spans(ONCE.replace("END:", "STATUS:CANCELLED\nEND:"), "2026-03-01", "2026-04-01") == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense", "not an iCalendar text"),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR", "has no VEVENT"),
        ("BEGIN:VEVENT\nEND:VEVENT", "DTSTART"),
        (SUNDAYS.replace("WEEKLY", "MINUTELY"), "more than once a day"),
        (SUNDAYS.replace("BYDAY=SU", "BYHOUR=1,2"), "more than once a day"),
        (SUNDAYS.replace("20260104T04", "20260103T04"), "must last longer than nothing"),
        (ONCE.replace("PT90M", "P40D"), "at most 31 days"),
        ("BEGIN:VEVENT\n" + "X" * 70_000, "longer than"),
    ],
)
def test_what_announces_nothing_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_ical(text)
