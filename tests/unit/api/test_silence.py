"""When a job's silence becomes a vote."""

from datetime import UTC, datetime, timedelta

import pytest

from api.heartbeats.silence import Heard, Rhythm, deadline, silent_slot

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HOURLY = Rhythm(HOUR, 10 * MINUTE)
NIGHTLY = Rhythm(25 * HOUR, HOUR, "0 3 * * *", "Europe/Paris")


def test_silence_counts_from_the_last_call() -> None:
    assert deadline(HOURLY, Heard(NOON - 5 * HOUR, NOON)) == NOON + HOUR + 10 * MINUTE


def test_silence_counts_from_the_beginning_where_nobody_ever_called() -> None:
    assert deadline(HOURLY, Heard(NOON)) == NOON + HOUR + 10 * MINUTE


def test_silence_counts_anew_after_calls_could_not_be_heard() -> None:
    assert deadline(HOURLY, Heard(since=NOON, call=NOON - 2 * HOUR)) == NOON + HOUR + 10 * MINUTE


def test_nothing_is_expected_of_a_dormant_job_before_its_first_call() -> None:
    dormant = Rhythm(HOUR, MINUTE, dormant=True)
    assert deadline(dormant, Heard(NOON)) is None
    assert deadline(dormant, Heard(NOON, call=NOON)) == NOON + HOUR + MINUTE


def test_a_job_that_started_has_its_grace_to_end() -> None:
    heard = Heard(NOON - HOUR, call=NOON - HOUR, start=NOON)
    assert deadline(HOURLY, heard) == NOON + 10 * MINUTE


def test_a_start_from_before_the_downtime_is_forgotten() -> None:
    heard = Heard(NOON, call=NOON - 2 * HOUR, start=NOON - HOUR)
    assert deadline(HOURLY, heard) == NOON + HOUR + 10 * MINUTE


@pytest.mark.parametrize(
    ("call", "due"),
    [
        # Winter: 3:00 in Paris is 2:00 UTC.
        (datetime(2026, 3, 2, 2, 4, tzinfo=UTC), datetime(2026, 3, 3, 3, tzinfo=UTC)),
        # A clock that is ahead: the call is that of the time to come.
        (datetime(2026, 3, 2, 1, 59, 45, tzinfo=UTC), datetime(2026, 3, 3, 3, tzinfo=UTC)),
        # Over the shift to summer time: 3:00 in Paris is 1:00 UTC.
        (datetime(2026, 3, 29, 2, tzinfo=UTC), datetime(2026, 3, 30, 2, tzinfo=UTC)),
    ],
)
def test_a_schedule_is_kept_in_the_customers_zone(call: datetime, due: datetime) -> None:
    assert deadline(NIGHTLY, Heard(NOON - 1000 * HOUR, call)) == due


def test_silence_is_said_at_the_deadline_and_again_before_the_vote_grows_old() -> None:
    assert silent_slot(HOURLY, NOON, NOON - timedelta(microseconds=1)) is None
    assert silent_slot(HOURLY, NOON, NOON) == NOON
    assert silent_slot(HOURLY, NOON, NOON + 14 * MINUTE) == NOON
    assert silent_slot(HOURLY, NOON, NOON + 31 * MINUTE) == NOON + 30 * MINUTE
