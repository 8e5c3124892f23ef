"""The figures of all sites at once: columns out of the database, one sweep over all of them, for any number of earlier results."""

import asyncio
from collections import Counter
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
from api.sla_rows import SQL, MaintenanceRow, SiteRow, by_site
from quivive.domain.times import to_datetime, to_us


@dataclass(frozen=True, slots=True)
class _Outage:
    site_id: str
    start_time: datetime
    resolve_time: datetime | None


async def read_all_figures(database: Database, span: Span, window_of: Callable[[ZoneInfo], Span]) -> list[SiteFigure]:
    """The figures of every site, the worst availability first. `window_of` gives each zone's window; all lie in `span`."""
    start, end = to_datetime(span.start_us), to_datetime(span.end_us)
    sites = await database.fetch(SiteRow, SQL["all_sites"], start=start)
    checks = await read_columns(
        database, SQL["all_checks"], 4, sites=[site.site_id for site in sites], start=start, end=end
    )
    intervals = await read_columns(database, SQL["all_intervals"], 4, checks=checks[1].tolist(), start=start, end=end)
    declared = by_site(await database.fetch(MaintenanceRow, SQL["all_maintenance"], start=start, end=end))
    outages = await database.fetch(_Outage, SQL["all_incidents"], start=start, end=end)
    # Arithmetic over all sites would hold up every other request.
    return await asyncio.to_thread(_compute, sites, checks, intervals, declared, outages, window_of)


def _compute(
    sites: Sequence[SiteRow],
    checks: Columns,
    intervals: Columns,
    declared: Mapping[str, Sequence[Maintenance]],
    outages: Sequence[_Outage],
    window_of: Callable[[ZoneInfo], Span],
) -> list[SiteFigure]:
    by_zone = {zone: window_of(ZoneInfo(zone)) for zone in {site.timezone for site in sites}}
    windows = [by_zone[site.timezone] for site in sites]
    number, check, born, died = checks
    of, began, ended, state = intervals
    durations = measure_many(
        Windows(_column([w.start_us for w in windows]), _column([w.end_us for w in windows])),
        Lives(number - 1, born, died),
        Recorded(np.searchsorted(check, of), began, ended, state),
        _maintenance(sites, windows, declared),
    )
    incidents = _counts(outages, {site.site_id: window for site, window in zip(sites, windows, strict=True)})
    figures = [
        SiteFigure(site, (), figure, incidents[site.site_id], window=window)
        for site, figure, window in zip(sites, durations, windows, strict=True)
    ]
    return sorted(figures, key=worst_first)


def _maintenance(
    sites: Sequence[SiteRow], windows: Sequence[Span], declared: Mapping[str, Sequence[Maintenance]]
) -> Spans:
    rows = [
        (number, span.start_us, span.end_us)
        for number, (site, window) in enumerate(zip(sites, windows, strict=True))
        for one in declared.get(site.site_id, ())
        for span in maintenance_spans(one, ZoneInfo(site.timezone), window)
    ]
    return Spans(*np.array(rows, np.int64).reshape(-1, 3).T)


def _counts(outages: Sequence[_Outage], windows: Mapping[str, Span]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for outage in outages:
        window = windows.get(outage.site_id)
        if window is None or to_us(outage.start_time) >= window.end_us:
            continue
        if outage.resolve_time is None or to_us(outage.resolve_time) > window.start_us:
            counts[outage.site_id] += 1
    return counts


def _column(values: Sequence[int]) -> Ints:
    return np.array(values, np.int64)
