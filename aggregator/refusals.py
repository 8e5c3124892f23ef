"""What cannot be a result of ours, beyond its format, and how often we say so."""

from aggregator.results import BadBatch, Results
from quivive.domain.times import SECOND_US

OLDEST_US = 3 * 86_400 * SECOND_US
"""The bus keeps results for three days, and so do agents."""
NEWEST_US = 600 * SECOND_US
SAY_AGAIN_US = 3600 * SECOND_US


def refuse_impossible_times(results: Results, now_us: int) -> None:
    """Raises BadBatch for a slot or an end more than 3 days before or 10 minutes after the bus's timestamp."""
    for name, times in (("a slot", results.slot_us), ("an end", results.end_us)):
        if times.min() < now_us - OLDEST_US:
            raise BadBatch(f"{name} more than 3 days old")
        if times.max() > now_us + NEWEST_US:
            raise BadBatch(f"{name} more than 10 minutes ahead")


class Refusals:
    """Remembers which refused regions have been reported."""

    def __init__(self) -> None:
        self._reported: dict[str, int] = {}

    def is_news(self, region: str, now_us: int) -> bool:
        """Whether it is to be reported: once an hour."""
        if now_us - self._reported.get(region, -SAY_AGAIN_US) < SAY_AGAIN_US:
            return False
        self._reported[region] = now_us
        return True
