"""When announced work runs: a single span, a cron expression or an iCalendar text, in a customer's zone. No clock.

Spans are half-open pairs of microseconds since the Unix epoch. Starts are local time; durations are elapsed time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim

from quivive.domain.times import to_datetime, to_us

DAY_US = 86_400_000_000
MAX_ICAL_CHARACTERS = 65_536
LONGEST_EVENT = timedelta(days=31)
OFTEN = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
SEVERAL_A_DAY = ("BYHOUR", "BYMINUTE", "BYSECOND")


@dataclass(frozen=True, slots=True)
class Work:
    """What was announced: one of `start_us`, `cron` and `ical`. An iCalendar event has its own length, the others `duration_us`."""

    cron: str | None = None
    start_us: int | None = None
    ical: str | None = None
    duration_us: int | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One span of it. `single`: it is an instant that someone named, no turn of a rule."""

    start_us: int
    end_us: int
    single: bool


def occurrences(work: Work, zone: ZoneInfo, start_us: int, end_us: int) -> Iterator[Occurrence]:
    """Those that reach into [start, end), whole, by their starts. A rule's spans may overlap each other."""
    if work.ical is not None:
        yield from _ical_occurrences(work.ical, zone.key, start_us, end_us)
        return
    assert work.duration_us is not None
    if work.start_us is not None:
        if work.start_us < end_us and work.start_us + work.duration_us > start_us:
            yield Occurrence(work.start_us, work.start_us + work.duration_us, single=True)
        return
    assert work.cron is not None
    for start in _cron_starts(work.cron, zone.key, start_us - work.duration_us, end_us):
        yield Occurrence(start, start + work.duration_us, single=False)


def check_ical(text: str) -> None:
    """ValueError says why a text is no announcement of maintenance."""
    if len(text) > MAX_ICAL_CHARACTERS:
        raise ValueError(f"is longer than {MAX_ICAL_CHARACTERS} characters")
    events = _calendar(text).walk("VEVENT")
    if not events:
        raise ValueError("has no VEVENT")
    for event in events:
        name = str(event.get("SUMMARY") or event.get("UID") or "an event")
        try:
            length = event.end - event.start
        except Exception as error:  # the library's own exceptions have no common base
            raise ValueError(f"{name}: {error}") from None
        if not timedelta(0) < length <= LONGEST_EVENT:
            raise ValueError(f"{name}: must last longer than nothing and at most 31 days")
        for rule in _rules(event):
            if str(rule.get("FREQ", [""])[0]) in OFTEN or any(len(rule.get(part, [])) > 1 for part in SEVERAL_A_DAY):
                raise ValueError(f"{name}: repeats more than once a day")
    list(_ical_occurrences(text, "UTC", 0, 1))


@lru_cache(maxsize=1024)
def _cron_starts(cron: str, zone: str, after_us: int, before_us: int) -> tuple[int, ...]:
    """Starts after one instant and before the other: a missing local time is at the shift, a doubled one is once."""
    # A day earlier than needed: the walk is on wall time, which is ambiguous around a shift.
    starts = []
    for moment in CronSim(cron, to_datetime(after_us - DAY_US).astimezone(ZoneInfo(zone))):
        start = to_us(moment.astimezone(UTC))
        if start >= before_us:
            break
        if start > after_us:
            starts.append(start)
    return tuple(starts)


@lru_cache(maxsize=256)
def _ical_occurrences(text: str, zone: str, start_us: int, end_us: int) -> tuple[Occurrence, ...]:
    import recurring_ical_events

    local = ZoneInfo(zone)
    calendar = _calendar(text)
    repeated = {str(event.get("UID")) for event in calendar.walk("VEVENT") if event.get("RRULE") or event.get("RDATE")}
    # Two days wider than asked, for floating times and whole days are read in the calendar's own way.
    first, last = to_datetime(start_us - 2 * DAY_US), to_datetime(end_us + 2 * DAY_US)
    found = []
    for event in recurring_ical_events.of(calendar, skip_bad_series=False).between(first, last):
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        recurs = str(event.get("UID")) in repeated
        start, end = _instant(event.start, local), _instant(event.end, local)
        if recurs and isinstance(event.start, datetime):
            # RFC 5545, 3.8.5.3: each time it is as long as the first, whatever the clocks do in between.
            length = event.end.replace(tzinfo=None) - event.start.replace(tzinfo=None)
            end = start + length // timedelta(microseconds=1)
        if start < end_us and end > start_us:
            found.append(Occurrence(start, end, single=not recurs))
    return tuple(sorted(found, key=lambda occurrence: (occurrence.start_us, occurrence.end_us)))


def _calendar(text: str) -> Any:
    from icalendar import Calendar

    body = text.strip()
    if body.upper().startswith("BEGIN:VEVENT"):
        body = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:quivive\n{body}\nEND:VCALENDAR"
    try:
        return Calendar.from_ical("\r\n".join(body.splitlines()) + "\r\n")
    except (ValueError, IndexError, KeyError) as error:
        raise ValueError(f"is not an iCalendar text: {error}") from None


def _rules(event: Any) -> list[Any]:
    rules = event.get("RRULE", [])
    return rules if isinstance(rules, list) else [rules]


def _instant(moment: date | datetime, zone: ZoneInfo) -> int:
    """A floating time and a whole day are the customer's."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=zone)
    elif moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return to_us(moment.astimezone(UTC))
