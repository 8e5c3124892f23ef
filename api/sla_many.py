"""The figures of all sites at once: columns out of the database, one sweep over all of them, for any number of earlier results."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from api.calendars import Maintenance, maintenance_spans
from api.columns import Columns, read_columns
from api.database import Database
from api.figures import Span
from api.figures_many import Ints, Lives, Recorded, Spans, Windows, measure_many
from api.sla import SiteFigure, worst_first
from api.sla_rows import SQL, SiteRow
from quivive.domain.times import to_datetime, to_us


@dataclass(frozen=True, slots=True)
class _Rule:
    """A declaration, and the sites that have it."""

    sites: list[str]
    cron: str | None
    start_time: datetime | None
    duration_us: int | None
    create_time: datetime
    delete_time: datetime | None
    ical: str | None

    @property
    def maintenance(self) -> Maintenance:
        return Maintenance(
            cron=self.cron,
            start_us=None if self.start_time is None else to_us(self.start_time),
            duration_us=self.duration_us,
            create_us=to_us(self.create_time),
            delete_us=None if self.delete_time is None else to_us(self.delete_time),
            ical=self.ical,
        )


async def read_all_figures(database: Database, span: Span, window_of: Callable[[ZoneInfo], Span]) -> list[SiteFigure]:
    """The figures of every site, the worst availability first. `window_of` gives each zone's window; all lie in `span`."""
    of = {"start": to_datetime(span.start_us), "end": to_datetime(span.end_us)}
    intervals, rules, outages, sites = await asyncio.gather(
        read_columns(database, SQL["all_intervals"], 4, **of),
        database.fetch(_Rule, SQL["all_maintenance"], **of),
        read_columns(database, SQL["all_incidents"], 3, **of),
        database.fetch(SiteRow, SQL["all_sites"], start=of["start"]),
    )
    checks = await read_columns(database, SQL["checks"], 4, sites=[site.site_id for site in sites], **of)
    # Arithmetic over all sites would hold up every other request.
    return await asyncio.to_thread(_compute, sites, checks, intervals, rules, outages, window_of)


def _compute(
    sites: Sequence[SiteRow],
    checks: Columns,
    intervals: Columns,
    rules: Sequence[_Rule],
    outages: Columns,
    window_of: Callable[[ZoneInfo], Span],
) -> list[SiteFigure]:
    by_zone = {zone: window_of(ZoneInfo(zone)) for zone in {site.timezone for site in sites}}
    in_order = [by_zone[site.timezone] for site in sites]
    windows = Windows(_column([w.start_us for w in in_order]), _column([w.end_us for w in in_order]))
    number, check, born, died = checks
    # What was declared between two of the questions is in the answer to one of them only.
    of, began, ended, state = _known(check, intervals)
    durations = measure_many(
        windows,
        Lives(number - 1, born, died),
        Recorded(of, began, ended, state),
        _maintenance(sites, by_zone, rules),
    )
    at, *times = _known(check, outages)
    incidents = _counts(windows, number[at] - 1, *times)
    figures = [
        SiteFigure(site, (), figure, count, window=window)
        for site, figure, count, window in zip(sites, durations, incidents, in_order, strict=True)
    ]
    return sorted(figures, key=worst_first)


def _known(checks: Ints, columns: Columns) -> Columns:
    """The rows whose first column is one of the checks, that column as the check's place among them."""
    if not len(checks):
        return [column[:0] for column in columns]
    at = np.minimum(np.searchsorted(checks, columns[0]), len(checks) - 1)
    kept = checks[at] == columns[0]
    return [at[kept], *(column[kept] for column in columns[1:])]


def _maintenance(sites: Sequence[SiteRow], windows: Mapping[str, Span], rules: Sequence[_Rule]) -> Spans:
    """Once for a rule and a zone, however many sites have both."""
    numbers = {site.site_id: number for number, site in enumerate(sites)}
    parts: list[tuple[Ints, Ints, Ints]] = []
    for rule in rules:
        by_zone: defaultdict[str, list[int]] = defaultdict(list)
        for site in rule.sites:
            if (number := numbers.get(site)) is not None:
                by_zone[sites[number].timezone].append(number)
        for zone, having in by_zone.items():
            for span in maintenance_spans(rule.maintenance, ZoneInfo(zone), windows[zone]):
                count = len(having)
                parts.append((_column(having), np.full(count, span.start_us), np.full(count, span.end_us)))
    nothing = np.zeros(0, np.int64)
    return (
        Spans(*(np.concatenate([nothing, *column]) for column in zip(*parts, strict=True)))
        if parts
        else Spans(nothing, nothing, nothing)
    )


def _counts(windows: Windows, site: Ints, start: Ints, resolve: Ints) -> list[int]:
    """The outages of each site that reach into its window."""
    inside = (start < windows.end[site]) & (resolve > windows.start[site])
    counts: list[int] = np.bincount(site[inside], minlength=len(windows.start)).tolist()
    return counts


def _column(values: Sequence[int]) -> Ints:
    return np.array(values, np.int64)
