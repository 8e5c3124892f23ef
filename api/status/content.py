"""What a status page says, as values: every number, date and duration is text in the customer's language. No I/O, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from api.calendars import Maintenance, days, maintenance_spans
from api.figures import Durations, Segment, Span, Standing, measure, within
from api.incidents import IncidentRow
from api.phrases import Phrases, phrases
from api.report.strips import Day, strip
from api.sla import SiteFigure
from api.status.chart import Chart
from api.status.directory import StatusPage
from quivive.domain.times import SECOND_US, to_datetime, to_us

DAYS = 90
AHEAD_US = 14 * 86_400 * SECOND_US
"""Announced work that is listed begins within this time."""
INCIDENTS_LISTED = 20
WORK_LISTED = 10

_WORST = (Standing.DOWN, Standing.UNKNOWN, Standing.PARTIAL_OUTAGE, Standing.MAINTENANCE, Standing.UP)


@dataclass(frozen=True, slots=True)
class UpdateRow:
    incident_id: str
    time: datetime
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of a site: what it looks like, and what it says in words."""

    day: Day
    label: str


@dataclass(frozen=True, slots=True)
class SiteView:
    site_id: str
    host: str
    standing: str
    standing_word: str
    since: datetime | None
    availability: str
    availability_ratio: float | None
    completeness: str | None
    bars: Sequence[Bar]
    chart: Chart | None


@dataclass(frozen=True, slots=True)
class UpdateView:
    time: datetime
    when: str
    what: str
    text: str


@dataclass(frozen=True, slots=True)
class IncidentView:
    incident_id: str
    site_id: str
    host: str
    title: str
    start: datetime
    end: datetime | None
    when: str
    duration: str
    cause: str
    updates: Sequence[UpdateView]


@dataclass(frozen=True, slots=True)
class WorkView:
    host: str
    start: datetime
    end: datetime
    when: str
    duration: str
    is_running: bool


@dataclass(frozen=True, slots=True)
class View:
    """Everything that a page shows, whatever its form."""

    page: StatusPage
    now: datetime
    made: str
    standing: str
    headline: str
    sites: Sequence[SiteView]
    open_incidents: Sequence[IncidentView]
    past_incidents: Sequence[IncidentView]
    past_left_out: str | None
    work: Sequence[WorkView]
    simulated: str | None


def build(
    page: StatusPage,
    figures: Sequence[SiteFigure],
    incidents: Sequence[IncidentRow],
    updates: Sequence[UpdateRow],
    maintenance: Mapping[str, Sequence[Maintenance]],
    charts: Mapping[str, Chart],
    simulated: Sequence[str],
    *,
    window: Span,
    now: datetime,
) -> View:
    """The view. `figures` are of the window, which ends now; `charts` by site."""
    t, zone = phrases(page.locale), page.zone
    hosts = {figure.site.site_id: _host(figure.site.url) for figure in figures}
    sites = [_site(figure, charts.get(figure.site.site_id), window, zone, t) for figure in figures]
    sites.sort(key=lambda site: ([kind.value for kind in _WORST].index(site.standing), site.site_id))
    told: dict[str, list[UpdateRow]] = {}
    for update in updates:
        told.setdefault(update.incident_id, []).append(update)
    views = [_incident(row, told.get(row.incident_id, ()), hosts, zone, now, t) for row in reversed(incidents)]
    past = [view for view in views if view.end is not None]
    standing, headline = _headline(sites, t)
    left_out = len(past) - INCIDENTS_LISTED
    return View(
        page=page,
        now=now,
        made=t.text("status.made", time=t.moment(now, zone), zone=t.zone(zone)),
        standing=standing,
        headline=headline,
        sites=sites,
        open_incidents=[view for view in views if view.end is None],
        past_incidents=past[:INCIDENTS_LISTED],
        past_left_out=t.count("report.incidents_left_out", left_out) if left_out > 0 else None,
        work=_work(maintenance, hosts, zone, now, t),
        simulated=t.text("report.note_simulated", regions=", ".join(simulated)) if simulated else None,
    )


def _headline(sites: Sequence[SiteView], t: Phrases) -> tuple[str, str]:
    """The worst standing, and a sentence on how many sites share it."""
    for kind in (Standing.DOWN, Standing.UNKNOWN, Standing.PARTIAL_OUTAGE, Standing.MAINTENANCE):
        count = sum(site.standing == kind.value for site in sites)
        if count:
            return kind.value, t.count(f"status.headline_{kind.value}", count)
    if not sites:
        return Standing.UNKNOWN.value, t.text("status.headline_none")
    return Standing.UP.value, t.count("status.headline_up", len(sites))


def _site(figure: SiteFigure, chart: Chart | None, window: Span, zone: ZoneInfo, t: Phrases) -> SiteView:
    last = figure.segments[-1] if figure.segments else None
    standing = Standing.UNKNOWN if last is None or last.standing is Standing.OUTSIDE else last.standing
    availability, completeness = figure.durations.availability, figure.durations.completeness
    return SiteView(
        site_id=figure.site.site_id,
        host=_host(figure.site.url),
        standing=standing.value,
        standing_word=t.text(f"status.standing_{standing.value}"),
        since=None if last is None else to_datetime(last.start_us),
        availability=t.text("report.no_figure") if availability is None else t.percent(availability),
        availability_ratio=availability,
        completeness=None
        if completeness is None or completeness >= 0.9995
        else t.text("status.completeness", completeness=t.percent(completeness)),
        bars=_bars(figure.segments, window, zone, t),
        chart=chart,
    )


def _bars(segments: Sequence[Segment], window: Span, zone: ZoneInfo, t: Phrases) -> list[Bar]:
    bars = []
    for day, drawn in zip(days(window, zone), strip(segments, window, zone), strict=True):
        bars.append(Bar(drawn, _label(measure(within(segments, day)), t.day(day.start_us, zone), t)))
    return bars


def _label(of: Durations, day: str, t: Phrases) -> str:
    """`12 March 2026: 99.9 % available, 1 min 26 s down, 4 min unknown`"""
    if of.availability is None and not of.unknown_us and not of.maintenance_us:
        return t.text("status.day_outside", day=day)
    said = [] if of.availability is None else [t.text("status.day_available", ratio=t.percent(of.availability))]
    for name, us in (
        ("down", of.down_us),
        ("partial", of.partial_us),
        ("unknown", of.unknown_us),
        ("maintenance", of.maintenance_us),
    ):
        if us:
            said.append(t.text(f"status.day_{name}", time=t.duration(us)))
    return t.text("status.day", day=day, said=t.all_of(said))


def _incident(
    row: IncidentRow,
    told: Sequence[UpdateRow],
    hosts: Mapping[str, str],
    zone: ZoneInfo,
    now: datetime,
    t: Phrases,
) -> IncidentView:
    host = hosts.get(row.site_id, row.site_id)
    duration = t.duration(to_us(row.resolve_time or now) - to_us(row.start_time))
    name = "status.incident_open" if row.resolve_time is None else "status.incident_past"
    return IncidentView(
        incident_id=row.incident_id,
        site_id=row.site_id,
        host=host,
        title=t.text(name, host=host, duration=duration),
        start=row.start_time,
        end=row.resolve_time,
        when=t.moment(row.start_time, zone),
        duration=duration,
        cause=t.cause(row.cause),
        updates=[
            UpdateView(
                time=update.time,
                when=t.moment(update.time, zone),
                what=t.text(f"status.update_{update.kind}"),
                text=_published(update.detail) if update.kind == "published" else "",
            )
            for update in reversed(told)
        ],
    )


def _published(detail: str) -> str:
    """The words, without the person that ends them in brackets."""
    return detail.rpartition(" (")[0] or detail


def _work(
    maintenance: Mapping[str, Sequence[Maintenance]],
    hosts: Mapping[str, str],
    zone: ZoneInfo,
    now: datetime,
    t: Phrases,
) -> list[WorkView]:
    """What runs, and what is to come."""
    ahead = Span(to_us(now), to_us(now) + AHEAD_US)
    found = sorted(
        {
            (span.start_us, span.end_us, hosts[site])
            for site, declared in maintenance.items()
            if site in hosts
            for one in declared
            if one.delete_us is None
            for span in maintenance_spans(one, zone, ahead)
        }
    )
    return [
        WorkView(
            host=host,
            start=to_datetime(start),
            end=to_datetime(end),
            when=t.moment(to_datetime(start), zone),
            duration=t.duration(end - start),
            is_running=start <= ahead.start_us,
        )
        for start, end, host in found[:WORK_LISTED]
    ]


def _host(url: str) -> str:
    parts = urlsplit(url)
    return (parts.netloc.rpartition("@")[2] + parts.path).removesuffix("/")
