"""Mean times of a site's outages, in whole microseconds, rounded down; a mean of nothing is None.

A clock that would start in announced maintenance starts at its end. An outage that was over by then counts for nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from api.figures import Durations, Span


@dataclass(frozen=True, slots=True)
class Outage:
    """An incident of a critical check that began in the window. Instants in microseconds."""

    start_us: int
    confirm_us: int
    page_us: int | None
    acknowledge_us: int | None
    resolve_us: int | None
    retroactive: bool


@dataclass(frozen=True, slots=True)
class MeanTimes:
    """`failures`: outages that began. To detect, acknowledge and repair; between failures: up time by failure."""

    failures: int = 0
    detect_us: int | None = None
    acknowledge_us: int | None = None
    repair_us: int | None = None
    between_failures_us: int | None = None


def mean_times(outages: Iterable[Outage], announced: Sequence[Span], durations: Durations) -> MeanTimes:
    """Over the outages that have each time: retroactive ones were never detected live, nor paged."""
    failures, detect, acknowledge, repair = 0, [], [], []
    spans = sorted(announced, key=lambda span: span.start_us)
    for outage in outages:
        start_us = clock_start(outage.start_us, spans)
        if outage.resolve_us is not None and outage.resolve_us <= start_us:
            continue
        failures += 1
        if outage.resolve_us is not None:
            repair.append(outage.resolve_us - start_us)
        if outage.retroactive:
            continue
        if outage.confirm_us >= start_us:
            detect.append(outage.confirm_us - start_us)
        if outage.page_us is not None and outage.acknowledge_us is not None:
            acknowledge.append(max(0, outage.acknowledge_us - outage.page_us))
    return MeanTimes(
        failures=failures,
        detect_us=_mean(detect),
        acknowledge_us=_mean(acknowledge),
        repair_us=_mean(repair),
        between_failures_us=durations.up_us // failures if failures else None,
    )


def clock_start(start_us: int, announced: Sequence[Span]) -> int:
    """The start, or the end of the announced spans that it lies in. The spans come by their starts and may overlap."""
    for span in announced:
        if span.start_us <= start_us < span.end_us:
            start_us = span.end_us
    return start_us


def _mean(values: Sequence[int]) -> int | None:
    return sum(values) // len(values) if values else None
