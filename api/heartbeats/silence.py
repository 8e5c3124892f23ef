"""When a job's silence becomes a vote, as pure arithmetic over instants; `now` is an argument.

Silence counts from the last call, and anew from whenever we could not have heard one: before the check was watched, before this
revision of it, before calls were taken again after a downtime (rule 13).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

SAID_EVERY = timedelta(minutes=15)
"""Silence is said again at least so often: a vote grows old."""
EARLY = timedelta(seconds=30)
"""A job whose clock is ahead by so much calls for the time to come, not once more for the last."""
SHORTEST_RUN = timedelta(minutes=1)
"""What a job may take from its start to its end although it has no grace."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When calls are expected: every `interval`, or at the times of `cron` in `timezone`; each may be late by `grace`."""

    interval: timedelta
    grace: timedelta
    cron: str = ""
    timezone: str = "UTC"
    dormant: bool = False
    """Nothing is expected before the first call."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of a job: since when it could be heard, its last call with an outcome, and a start since."""

    since: datetime
    call: datetime | None = None
    start: datetime | None = None


def deadline(rhythm: Rhythm, heard: Heard) -> datetime | None:
    """When silence becomes a vote unless the job calls; None while nothing is expected of it.

    A job that said that it started has the grace to come to its end.
    """
    if rhythm.dormant and heard.call is None and heard.start is None:
        return None
    last = max(heard.since, heard.call or heard.since)
    if heard.start is not None and heard.start >= last:
        return heard.start + max(rhythm.grace, SHORTEST_RUN)
    return _next(rhythm, last) + rhythm.grace


def silent_slot(rhythm: Rhythm, due: datetime, now: datetime) -> datetime | None:
    """The newest instant at which silence is to be said: at the deadline, then again and again; None before it."""
    if now < due:
        return None
    every = min(rhythm.interval, SAID_EVERY)
    return due + (now - due) // every * every


def _next(rhythm: Rhythm, last: datetime) -> datetime:
    if not rhythm.cron:
        return last + rhythm.interval
    after = last + min(rhythm.grace, EARLY)
    return next(CronSim(rhythm.cron, after.astimezone(ZoneInfo(rhythm.timezone)))).astimezone(UTC)
