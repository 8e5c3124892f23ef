"""Latency percentiles from log-bucket histograms: sums of small arrays, however many results are behind them.

Bucket 0 holds 0, bucket n > 0 what is above GROWTH**(n-2) and not above GROWTH**(n-1), in units of 0.1 ms, as the database
counts them (`quivive.latency_bucket`). What stands for a bucket is at most 2 % off from anything in it.
"""

from collections.abc import Mapping, Sequence

GROWTH = 1.04
UNIT_US = 100
"""Phases are recorded in units of 0.1 ms."""
QUANTILES_PERCENT = (50, 90, 95, 99)


def percentiles_us(counts: Mapping[int, int], percents: Sequence[int] = QUANTILES_PERCENT) -> list[int] | None:
    """The nearest-rank percentiles, in microseconds, of a histogram by bucket; None when it is empty."""
    total = sum(counts.values())
    if not total:
        return None
    ranks = [max(1, -(-total * percent // 100)) for percent in percents]
    values: list[int] = []
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        while len(values) < len(ranks) and ranks[len(values)] <= seen:
            values.append(middle_us(bucket))
    return values


def middle_us(bucket: int) -> int:
    """What stands for every value of the bucket: as far from its highest as from its lowest, by ratio of the value."""
    return 0 if bucket < 1 else round(UNIT_US * 2 * GROWTH ** (bucket - 1) / (1 + GROWTH))
