"""The window of an SLA query."""

from datetime import UTC, datetime, timedelta

import pytest

from quivive.cli.failures import Failure
from quivive.cli.windows import Window, parse_month, parse_window

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def window(*, length: str = "", start: str = "", end: str = "", month: str = "") -> Window:
    return parse_window(length, start, end, month, NOW)


def test_by_default_it_is_the_last_thirty_days() -> None:
    assert window() == Window(start=NOW - timedelta(days=30))


def test_a_length_reaches_back_from_now() -> None:
    assert window(length="1h30min") == Window(start=NOW - timedelta(minutes=90))


def test_a_time_without_an_offset_is_utc_and_another_is_converted() -> None:
    assert window(start="2026-02-01", end="2026-02-02T01:00:00+01:00") == Window(
        start=datetime(2026, 2, 1, tzinfo=UTC), end=datetime(2026, 2, 2, tzinfo=UTC)
    )


def test_without_an_end_it_reaches_up_to_now() -> None:
    assert window(start="2026-03-01T11:00:00Z").end is None
    with pytest.raises(Failure, match="before its end"):
        window(start="2026-03-01T12:00:00Z")


def test_a_month_is_left_to_the_server() -> None:
    assert window(month="2026-02") == Window(month="2026-02")


@pytest.mark.parametrize("text", ["2026-00", "2026-13", "2026-3", "26-03", "2026-03-01", "next", ""])
def test_what_is_not_a_month_is_refused(text: str) -> None:
    with pytest.raises(Failure):
        parse_month(text)
