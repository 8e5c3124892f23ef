"""Durations need units."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quivive.configuration.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", timedelta(seconds=30)),
        ("3min", timedelta(minutes=3)),
        ("4h", timedelta(hours=4)),
        ("1h30min", timedelta(minutes=90)),
        ("1d12h", timedelta(hours=36)),
        ("1.5s", timedelta(milliseconds=1500)),
        ("250ms", timedelta(milliseconds=250)),
        (" 30 s ", timedelta(seconds=30)),
        ("0s", timedelta(0)),
    ],
)
def test_a_number_with_a_unit_is_a_duration(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (30, "30 has no unit, write 30s"),
        ("30", "30 has no unit, write 30s"),
        (1.5, "1.5 has no unit, write 1.5s"),
        (0, "0 has no unit, write 0s"),
        ("5m", "write min"),
        ("30sec", "unknown unit sec"),
        ("30min1h", "the largest first"),
        ("1s1s", "each unit once"),
        ("-30s", "not a duration"),
        ("", "not a duration"),
        ("s", "not a duration"),
        ("1 h and 3 min", "not a duration"),
        ("99999999999s", "not a duration"),
        (True, "must be a duration"),
        (None, "must be a duration"),
        ([30], "must be a duration"),
    ],
)
def test_anything_else_is_refused_with_what_to_write(value: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_duration(value)


@given(st.integers(min_value=0, max_value=10**11).map(lambda ms: timedelta(milliseconds=ms)))
def test_what_is_printed_is_read_back(value: timedelta) -> None:
    assert parse_duration(format_duration(value)) == value


@pytest.mark.parametrize("text", ["0s", "30s", "1h30min", "36h", "1d", "1s500ms"])
def test_durations_print_as_people_write_them(text: str) -> None:
    assert format_duration(parse_duration(text)) == text
