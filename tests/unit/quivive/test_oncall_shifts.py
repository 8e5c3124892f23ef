"""Who is on call: rotations, hand-overs on the wall clock, changes of the clocks, overrides, layers, gaps."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quivive.business_hours import parse_business_hours
from quivive.configuration import ScheduleConfig
from quivive.configuration.shifts import schedule_of
from quivive.domain.times import to_datetime, to_us
from quivive.oncall.schedules import Override, Schedule
from quivive.oncall.shifts import gaps, turn_at, turns, who, within_hours

PARIS = ZoneInfo("Europe/Paris")
HOUR = 3_600_000_000
DAY = 24 * HOUR


def at(text: str) -> int:
    return to_us(datetime.fromisoformat(text))


def schedule(*layers: dict[str, Any], zone: str = "Europe/Paris", overrides: tuple[Any, ...] = ()) -> Schedule:
    return schedule_of(
        ScheduleConfig.model_validate({"id": "s", "timezone": zone, "layers": list(layers), "overrides": overrides})
    )


WEEKLY = {"rotation": ["alice", "bob", "carol"], "shift": "weekly", "handover": "MON 09:00", "start": "2026-01-01"}
DAILY = {"rotation": ["alice", "bob"], "shift": "daily", "handover": "09:00", "start": "2026-03-27"}


@pytest.mark.parametrize(
    ("moment", "person"),
    [
        ("2026-01-04T12:00+01:00", None),  # the first Monday is the 5th
        ("2026-01-05T08:59:59+01:00", None),
        ("2026-01-05T09:00+01:00", "alice"),
        ("2026-01-12T08:59:59+01:00", "alice"),
        ("2026-01-12T09:00+01:00", "bob"),
        ("2026-01-26T09:00+01:00", "alice"),
        ("2026-03-30T08:59:59+02:00", "carol"),  # summer time since the 29th: still nine o'clock
        ("2026-03-30T09:00+02:00", "alice"),
    ],
)
def test_a_weekly_rotation_hands_over_at_its_hour_all_year(moment: str, person: str | None) -> None:
    assert who(schedule(WEEKLY), at(moment))[0] == person


def test_the_day_the_clocks_change_is_a_shift_of_23_or_25_hours() -> None:
    spring = turns(schedule(DAILY), at("2026-03-27T09:00+01:00"), at("2026-03-31T09:00+02:00"))
    assert [(turn.person, (turn.end_us - turn.start_us) // HOUR) for turn in spring] == [
        ("alice", 24),
        ("bob", 23),
        ("alice", 24),
        ("bob", 24),
    ]
    autumn = turn_at(schedule(DAILY), at("2026-10-25T02:30+01:00"))
    assert (autumn.end_us - autumn.start_us) // HOUR == 25


def test_a_handover_at_a_time_that_is_left_out_is_the_change_itself_and_at_a_doubled_one_the_first() -> None:
    nightly = schedule({**DAILY, "handover": "02:30"})
    begins = [turn.start_us for turn in turns(nightly, at("2026-03-28T03:00+01:00"), at("2026-03-30T03:00+02:00"))]
    assert at("2026-03-29T03:00+02:00") in begins
    begins = [turn.start_us for turn in turns(nightly, at("2026-10-24T03:00+02:00"), at("2026-10-26T03:00+01:00"))]
    assert at("2026-10-25T02:30+02:00") in begins
    assert at("2026-10-25T02:30+01:00") not in begins


def test_the_first_layer_that_counts_decides_and_what_none_covers_is_a_gap() -> None:
    days = schedule(
        {"rotation": ["alice"], "hours": "MON-FRI 08:00-20:00"},
        {"rotation": ["bob"], "hours": "MON-THU 00:00-24:00"},
    )
    found = turns(days, at("2026-03-06T00:00+01:00"), at("2026-03-09T12:00+01:00"))  # Friday to Monday
    assert [(turn.person, turn.source) for turn in found] == [
        (None, "nobody"),
        ("alice", "layer 1"),
        (None, "nobody"),
        ("bob", "layer 2"),
        ("alice", "layer 1"),
    ]
    (first, weekend) = gaps(days, at("2026-03-06T00:00+01:00"), at("2026-03-09T12:00+01:00"))
    assert first.end_us == at("2026-03-06T08:00+01:00")
    assert (weekend.start_us, weekend.end_us) == (at("2026-03-06T20:00+01:00"), at("2026-03-09T00:00+01:00"))


def test_the_last_override_that_holds_decides() -> None:
    declared = {"person": "bob", "start": "2026-03-02T10:00:00Z", "end": "2026-03-02T20:00:00Z"}
    stand_in = Override("carol", at("2026-03-02T12:00:00Z"), at("2026-03-02T13:00:00Z"), "o1")
    config = ScheduleConfig.model_validate({"id": "s", "layers": [{"rotation": ["alice"]}], "overrides": [declared]})
    found = turns(schedule_of(config, [stand_in]), at("2026-03-02T09:00:00Z"), at("2026-03-02T21:00:00Z"))
    assert [turn.person for turn in found] == ["alice", "bob", "carol", "bob", "alice"]


def test_quiet_hours_that_join_at_midnight_end_in_the_morning() -> None:
    quiet = parse_business_hours("MON-SUN 22:00-24:00 00:00-07:00")
    assert within_hours(quiet, PARIS, at("2026-03-02T23:00+01:00")) == at("2026-03-03T07:00+01:00")
    assert within_hours(quiet, PARIS, at("2026-03-03T07:00+01:00")) is None


layers = st.fixed_dictionaries(
    {
        "rotation": st.lists(st.sampled_from("abcd"), min_size=1, max_size=4),
        "shift": st.sampled_from(["daily", "weekly", "12h", "1h", "8h", "36h", "3d"]),
        "handover": st.sampled_from(["00:00", "02:00", "02:30", "03:00", "09:00", "23:59"]),
        "start": st.dates(date(2025, 1, 1), date(2026, 12, 31)).map(str),
    },
    optional={
        "hours": st.sampled_from(
            ["MON-FRI 09:00-18:00", "MON-SUN 00:00-24:00", "SUN 01:00-03:00", "SAT-SUN 02:15-02:45"]
        )
    },
)
zones = st.sampled_from(["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kolkata"])
CHANGES = (
    "2026-03-29T01:00+00:00",
    "2026-10-25T01:00+00:00",
    "2026-03-08T07:00+00:00",
    "2026-11-01T06:00+00:00",
    "2026-04-04T15:00+00:00",
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(layers, min_size=1, max_size=2),
    zones,
    st.sampled_from(CHANGES).map(at),
    st.lists(st.tuples(st.integers(-40, 40), st.integers(1, 20)), max_size=2),
    st.integers(-48 * 60, 48 * 60),
)
def test_around_every_change_of_the_clocks_turns_and_instants_agree(
    declared: list[dict[str, Any]], zone: str, change: int, standing_in: list[tuple[int, int]], minutes: int
) -> None:
    overrides = tuple(
        {
            "person": "z",
            "start": to_datetime(change + begin * HOUR).isoformat(),
            "end": to_datetime(change + (begin + length) * HOUR).isoformat(),
        }
        for begin, length in standing_in
    )
    read = schedule(*declared, zone=zone, overrides=overrides)
    window = turns(read, change - 2 * DAY, change + 2 * DAY)
    assert window[0].start_us == change - 2 * DAY
    assert window[-1].end_us == change + 2 * DAY
    assert all(left.end_us == right.start_us for left, right in pairwise(window))
    moment = min(change + minutes * 60_000_000, change + 2 * DAY - 1)
    (turn,) = [turn for turn in window if turn.start_us <= moment < turn.end_us]
    assert (turn.person, turn.source) == who(read, moment)


@settings(max_examples=60, deadline=None)
@given(zones, st.sampled_from(CHANGES).map(at), st.sampled_from(["00:00", "02:00", "02:30", "09:00"]))
def test_a_daily_handover_shows_its_hour_on_the_wall_but_where_that_is_left_out(
    zone: str, change: int, hour: str
) -> None:
    read = schedule({"rotation": ["a", "b"], "shift": "daily", "handover": hour, "start": "2026-01-01"}, zone=zone)
    window = turns(read, change - 3 * DAY, change + 3 * DAY)
    for turn in window[1:]:
        wall = to_datetime(turn.start_us).astimezone(ZoneInfo(zone))
        just_before = to_datetime(turn.start_us - 1).astimezone(ZoneInfo(zone))
        assert f"{wall:%H:%M}" == hour or wall.utcoffset() != just_before.utcoffset()
    assert all(
        abs(turn.end_us - turn.start_us - DAY) <= timedelta(hours=1) // timedelta(microseconds=1)
        for turn in window[1:-1]
    )
