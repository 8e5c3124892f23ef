"""Instants between integers, datetimes and text."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quivive.domain.times import format_us, to_datetime, to_us


@given(st.datetimes(datetime.fromisoformat("1970-01-01"), datetime.fromisoformat("2200-01-01"), timezones=st.just(UTC)))
def test_microseconds_and_datetimes_convert_without_loss(moment: datetime) -> None:
    assert to_datetime(to_us(moment)) == moment


def test_an_offset_is_taken_into_account() -> None:
    assert to_us(datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == 0


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_us(datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test


def test_text_is_utc_with_milliseconds() -> None:
    assert format_us(to_us(datetime(2026, 3, 1, 9, 30, tzinfo=UTC))) == "2026-03-01T09:30:00.000Z"
