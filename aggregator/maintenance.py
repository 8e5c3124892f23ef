"""When announced work runs, and when a page is due beside it. Instants and durations in microseconds; `now` is an argument."""

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from quivive.maintenance import Work, occurrences

DAY_US = 86_400_000_000
LONGEST_MUTE_US = 31 * DAY_US
"""Maintenance without an end, such as an hour every minute, delays a page no longer than this."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Announced work: a single span from `start_us`, a cron expression in `timezone`, or an iCalendar text."""

    duration_us: int | None
    timezone: str
    cron: str | None = None
    start_us: int | None = None
    ical: str | None = None


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
    """The latest end of the rule's spans that contain `now_us`."""
    work = Work(rule.cron, rule.start_us, rule.ical, rule.duration_us)
    running = occurrences(work, ZoneInfo(rule.timezone), now_us, now_us + 1)
    return max((occurrence.end_us for occurrence in running), default=None)
