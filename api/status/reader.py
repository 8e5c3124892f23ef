"""Reads what a status page shows: a fixed number of queries, however many sites the customer has."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.calendars import Granularity, buckets
from api.database import Database
from api.figures import Span
from api.incidents import read_incidents_during
from api.names import Subject
from api.phrases import phrases
from api.regions import read_regions
from api.sla import read_figures
from api.sla_rows import read_material
from api.status.chart import HOURS, Chart, draw
from api.status.content import AHEAD_US, DAYS, UpdateRow, View, build
from api.status.directory import SQL, StatusPage
from quivive.domain.times import to_datetime, to_us


@dataclass(frozen=True, slots=True)
class _LatencyRow:
    site_id: str
    bucket_time: datetime
    first_bucket: int
    counts: list[int | None]


async def read_view(database: Database, page: StatusPage, now: datetime) -> View:
    """What the page shows at `now`."""
    window = _window(page, now)
    figures = [
        figure
        for figure in await read_figures(database, Subject(customer=page.customer), window)
        # Sites that were deleted since are history for reports.
        if figure.segments
    ]
    sites = [figure.site.site_id for figure in figures]
    incidents = await read_incidents_during(database, sites, to_datetime(window.start_us), to_datetime(window.end_us))
    updates = await database.fetch(UpdateRow, SQL["updates"], incidents=[row.incident_id for row in incidents])
    maintenance = (await read_material(database, sites, Span(window.end_us, window.end_us + AHEAD_US))).maintenance
    charts = await _read_charts(database, page, sites, now) if page.performance else {}
    simulated = [region.name for region in await read_regions(database) if region.simulated]
    return build(page, figures, incidents, updates, maintenance, charts, simulated, window=window, now=now)


def _window(page: StatusPage, now: datetime) -> Span:
    """Whole days of the customer's calendar up to now; today is the last of them."""
    around = Span(to_us(now - timedelta(days=DAYS + 1)), to_us(now))
    days = list(buckets(around, Granularity.DAY, page.zone))
    return Span(days[-DAYS].start_us, to_us(now))


async def _read_charts(database: Database, page: StatusPage, sites: list[str], now: datetime) -> dict[str, Chart]:
    start = now - timedelta(hours=HOURS)
    hours: defaultdict[str, defaultdict[int, Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    for row in await database.fetch(_LatencyRow, SQL["latencies"], sites=sites, start=start):
        histogram = hours[row.site_id][to_us(row.bucket_time)]
        for bucket, count in enumerate(row.counts, row.first_bucket):
            if count:
                histogram[bucket] += count
    t = phrases(page.locale)
    drawn = {site: draw(of_site, to_us(now), t) for site, of_site in hours.items()}
    return {site: chart for site, chart in drawn.items() if chart is not None}
