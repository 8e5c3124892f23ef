"""Latency percentiles of a site from the hourly and daily aggregates: what it costs does not depend on the number of results."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from api.database import Database
from api.figures import Span
from api.latency import percentiles_us
from api.sla_rows import SQL
from quivive.domain.times import to_datetime

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
DAYS_BEHIND = 3
"""Results come up to three days late; a day that young may not be aggregated yet as a whole."""


@dataclass(frozen=True, slots=True)
class LatencyFigure:
    """Of one check's good attempts, in one region and phase. Microseconds."""

    check: str
    region: str
    phase: str
    attempts: int
    percentiles: list[int]
    """As in `api.latency.QUANTILES_PERCENT`."""


@dataclass(frozen=True, slots=True)
class _Row:
    check_name: str
    region: str
    phase: str
    first_bucket: int
    counts: list[int | None]


async def read_latencies(database: Database, site: str, window: Span, now_us: int) -> list[LatencyFigure]:
    """By check, region and phase, over the hours that begin in the window."""
    start_us = -(-window.start_us // HOUR_US) * HOUR_US
    first_day_us = -(-window.start_us // DAY_US) * DAY_US
    last_day_us = min(window.end_us // DAY_US, now_us // DAY_US - DAYS_BEHIND) * DAY_US
    rows = await database.fetch(
        _Row,
        SQL["latency"],
        site=site,
        start=to_datetime(start_us),
        end=to_datetime(window.end_us),
        first_day=to_datetime(first_day_us),
        last_day=to_datetime(max(first_day_us, last_day_us)),
    )
    histograms: defaultdict[tuple[str, str, str], Counter[int]] = defaultdict(Counter)
    for row in rows:
        histogram = histograms[row.check_name, row.region, row.phase]
        for bucket, number in enumerate(row.counts, row.first_bucket):
            if number:
                histogram[bucket] += number
    return [
        LatencyFigure(*key, histogram.total(), percentiles)
        for key, histogram in sorted(histograms.items())
        if (percentiles := percentiles_us(histogram)) is not None
    ]
