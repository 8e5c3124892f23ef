"""How a job's cron expression is distributed over time. Local time decides, elapsed time is told."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim

MOST_TIMES = 4000
SPAN = timedelta(days=5 * 366)


@lru_cache(maxsize=4096)
def longest_gap(cron: str, timezone: str) -> timedelta:
    """The longest time between two of its times, as far as the next 4,000 of them or five years tell; at least a second.

    Counted from a fixed day, so that the same declaration always makes the same check.
    """
    start = datetime(2024, 1, 1, tzinfo=ZoneInfo(timezone))
    longest, last = timedelta(seconds=1), None
    for number, moment in enumerate(CronSim(cron, start)):
        at = moment.astimezone(UTC)
        if last is not None:
            longest = max(longest, at - last)
        if number >= MOST_TIMES or at - start > SPAN:
            break
        last = at
    return longest
