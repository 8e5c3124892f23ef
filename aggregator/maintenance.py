"""When announced work runs, and when a page is due beside it. Instants and durations in microseconds; `now` is an argument."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from zoneinfo import ZoneInfo

from cronsim import CronSim

from quivive.domain.times import to_datetime, to_us

DAY_US = 86_400_000_000
LONGEST_MUTE_US = 31 * DAY_US
"""Maintenance without an end, such as an hour every minute, delays a page no longer than this."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Announced work: a single span from `start_us`, or a cron expression in `timezone`."""

    duration_us: int
    timezone: str
    cron: str | None = None
    start_us: int | None = None


def running_until(rules: Iterable[Rule], now_us: int) -> int | None:
    """The latest end of the spans that contain `now_us`, or None outside any."""
    ends = [end for rule in rules if (end := _end(rule, now_us)) is not None]
    return max(ends, default=None)


def page_due_us(confirm_us: int, page_after_us: int, rules: Iterable[Rule]) -> int:
    """When a page is due: `page_after` after the confirmation, but not while maintenance runs then or ran at that time."""
    rules = list(rules)
    due_us = confirm_us + page_after_us
    if (end := running_until(rules, confirm_us)) is not None:
        due_us = max(due_us, end)
    while due_us < confirm_us + LONGEST_MUTE_US and (end := running_until(rules, due_us)) is not None:
        due_us = end
    return due_us


def _end(rule: Rule, now_us: int) -> int | None:
    """The latest end of the rule's spans that contain `now_us`. Starts are local time, durations are elapsed time."""
    end_us = None
    for start_us in _starts(rule, now_us):
        if start_us > now_us:
            break
        if now_us < start_us + rule.duration_us:
            end_us = start_us + rule.duration_us
    return end_us


def _starts(rule: Rule, now_us: int) -> Iterator[int]:
    """Ascending, from before any span that still runs."""
    if rule.cron is None:
        assert rule.start_us is not None
        yield rule.start_us
        return
    # A day earlier than needed: the walk is on wall time, which is ambiguous around a shift.
    first = to_datetime(now_us - rule.duration_us - DAY_US).astimezone(ZoneInfo(rule.timezone))
    for moment in CronSim(rule.cron, first):
        yield to_us(moment.astimezone(UTC))
