"""The SLA arithmetic against an oracle that knows nothing of sweeps or of cron: it asks each instant and reads wall clocks."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from sla_histories import CRONS, SHIFTS_US, Announced, Announcing, announcing

from api.calendars import Maintenance, maintenance_spans
from api.error_budget import burn_rate, error_budget
from api.figures import Span, measure, timeline
from quivive.domain.times import to_datetime, to_us
from quivive.domain.words import State

HISTORIES = 10_000
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MINUTE = timedelta(minutes=1)


@lru_cache
def starts(cron: str, zone_name: str) -> list[int]:
    """A wall clock is read every minute of UTC, for nine days around each change.

    A time that comes a second time is passed over; those that a jump leaves out come at the jump.
    """
    zone, found = ZoneInfo(zone_name), []
    for shift_us in SHIFTS_US:
        at = to_datetime(shift_us) - timedelta(days=9)
        read = at.astimezone(zone).replace(tzinfo=None)
        for _ in range(18 * 24 * 60):
            at += MINUTE
            wall = at.astimezone(zone).replace(tzinfo=None)
            while read < wall:
                read += MINUTE
                if matches(cron, read):
                    found.append(to_us(at))
    return found


def matches(cron: str, wall: datetime) -> bool:
    minute, hour, _, _, weekday = cron.split()
    return (
        wall.minute == int(minute)
        and (hour == "*" or (wall.hour % int(hour[2:]) == 0 if hour.startswith("*/") else wall.hour == int(hour)))
        and (weekday == "*" or WEEKDAYS[wall.isoweekday() % 7] in weekday.split(","))
    )


def is_maintained(instant: int, case: Announcing) -> bool:
    if any(span.start_us <= instant < span.end_us for span in case.story.maintenance):
        return True
    return any(
        start <= instant < start + rule.duration_us
        for rule in case.announced
        if rule.create_us <= instant and (rule.delete_us is None or instant < rule.delete_us)
        for start in starts(rule.cron, case.zone)
    )


def counted_as(instant: int, case: Announcing) -> str:
    """Design section 6, word for word."""
    states = []
    for check in case.story.histories:
        if instant < check.start_us or (check.end_us is not None and instant >= check.end_us):
            continue
        covering = [s.state for s in check.spans if s.start_us <= instant and (s.end_us is None or instant < s.end_us)]
        states.append(covering[0] if covering else State.UNKNOWN)
    states = [state for state in states if state is not State.PAUSED]
    if not states:
        return "outside"
    if is_maintained(instant, case):
        return "maintenance"
    for state in (State.DOWN, State.UNKNOWN, State.PARTIAL_OUTAGE):
        if state in states:
            return state.name
    return "UP"


def instants_of(case: Announcing) -> list[int]:
    """Where anything may change: nothing does in between."""
    story, window = case.story, case.story.window
    cuts = {window.start_us, window.end_us}
    for check in story.histories:
        cuts |= {check.start_us, check.end_us or window.end_us}
        cuts |= {at for span in check.spans for at in (span.start_us, span.end_us or window.end_us)}
    cuts |= {at for span in story.maintenance for at in (span.start_us, span.end_us)}
    for rule in case.announced:
        cuts |= {rule.create_us, rule.delete_us or window.end_us}
        cuts |= {at for start in starts(rule.cron, case.zone) for at in (start, start + rule.duration_us)}
    return sorted(at for at in cuts if window.start_us <= at <= window.end_us)


def declared(rule: Announced) -> Maintenance:
    return Maintenance(rule.cron, None, rule.duration_us, rule.create_us, rule.delete_us)


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=list(HealthCheck))
@given(announcing())
def test_ten_thousand_histories_count_as_the_oracle_counts(case: Announcing) -> None:
    story, zone = case.story, ZoneInfo(case.zone)
    announced: list[Span] = [
        span for rule in case.announced for span in maintenance_spans(declared(rule), zone, story.window)
    ]
    durations = measure(timeline(story.histories, [*story.maintenance, *announced], story.window))
    expected = dict.fromkeys(("outside", "maintenance", "DOWN", "UNKNOWN", "PARTIAL_OUTAGE", "UP"), 0)
    cuts = instants_of(case)
    for left, right in pairwise(cuts):
        expected[counted_as(left, case)] += right - left
    up = expected["UP"] + expected["PARTIAL_OUTAGE"]
    assert durations.up_us == up
    assert durations.down_us == expected["DOWN"]
    assert durations.unknown_us == expected["UNKNOWN"]
    assert durations.partial_us == expected["PARTIAL_OUTAGE"]
    assert durations.maintenance_us == expected["maintenance"]
    watched = up + expected["DOWN"]
    assert durations.availability == (float(Fraction(up, watched)) if watched else None)
    assert error_budget(durations, 0.999).allowed_us == watched // 1000
    allowed = Fraction(expected["DOWN"], watched) * 1000 if watched else None
    assert burn_rate(durations, 0.999) == (float(allowed) if allowed is not None else None)


def test_the_oracle_reads_clocks_as_the_rule_says() -> None:
    """A missing time is at the change, a doubled one is once."""
    spring = [to_datetime(us) for us in starts(CRONS[0], "Europe/Paris")]
    assert datetime(2026, 3, 29, 1, tzinfo=UTC) in spring
    autumn = [at for at in spring if at.date() == datetime(2026, 10, 25, tzinfo=UTC).date()]
    assert autumn == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]
