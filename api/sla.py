"""Turns recorded state intervals into figures.

1. Read what the window needs; for burn rates some hours more.
2. Sweep each site once; everything that is said of parts of the window comes from the same segments.
3. Where something was said after the fact (late maintenance, corrections), sweep once more for the other reading.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from zoneinfo import ZoneInfo

from api.calendars import Granularity, Maintenance, buckets, late_spans, maintenance_spans
from api.database import Database
from api.error_budget import LONGEST_BURN_US, Budget, Burn, burns, error_budget
from api.figures import Durations, History, Segment, Span, measure, timeline, within
from api.incident_times import MeanTimes, Outage, mean_times
from api.names import Subject
from api.response import Paged, Response, Responses, count, judge
from api.sla_rows import Material, OutageRow, SiteRow, read_material, read_sites
from quivive.business_hours import parse_business_hours
from quivive.holidays import holidays_in
from quivive.working_time import WorkingTime


@dataclass(frozen=True, slots=True)
class SiteFigure:
    """A site's life over the window: its segments, what they add up to, and its outages."""

    site: SiteRow
    segments: Sequence[Segment]
    durations: Durations
    incidents: int
    times: MeanTimes = field(default_factory=MeanTimes)
    responses: Responses = field(default_factory=Responses)
    budget: Budget | None = None
    burns: Sequence[Burn] = ()
    buckets: Sequence[tuple[Span, Durations]] = ()
    corrected: Durations | None = None
    """The other reading, where something was said after the fact."""
    late_maintenance: Sequence[Span] = ()
    excluded_incidents: Sequence[str] = ()
    window: Span | None = None
    """Its own, where it may differ from other sites'."""


@dataclass(frozen=True, slots=True)
class _Material:
    """What was read of one site."""

    site: SiteRow
    histories: Sequence[History]
    corrected: Sequence[History] | None
    excluded: Sequence[str]
    declared: Sequence[Maintenance]
    incidents: Sequence[OutageRow]


async def read_figures(
    database: Database,
    subject: Subject,
    window: Span,
    granularity: Granularity | None = None,
    now_us: int | None = None,
) -> list[SiteFigure]:
    """The figures of a subject's sites, the worst availability first. NotFound when there is no such site.

    Responses are judged as of `now_us`, without it as of the window's end.
    """
    sites = await read_sites(database, subject, window)
    names = [site.site_id for site in sites]
    wide = Span(min(window.start_us, window.end_us - LONGEST_BURN_US), window.end_us)
    read = await read_material(database, names, wide, outages_in=window)
    now = window.end_us if now_us is None else now_us
    material = [_material(site, read) for site in sites]

    def compute() -> list[SiteFigure]:
        return sorted((_figure(one, window, granularity, now) for one in material), key=worst_first)

    # Arithmetic over many sites and months would hold up every other request.
    return await asyncio.to_thread(compute)


async def read_segments(database: Database, zones: Mapping[str, str], window: Span) -> dict[str, list[Segment]]:
    """How each site stood over the window. `zones` has the time zone of each site's customer, by site."""
    read = await read_material(database, list(zones), window)
    stories, declared = read.stories, read.maintenance

    def compute() -> dict[str, list[Segment]]:
        return {
            site: list(timeline(stories.seen.get(site, ()), _announced(declared.get(site, ()), zone, window), window))
            for site, zone in zones.items()
        }

    return await asyncio.to_thread(compute)


def worst_first(figure: SiteFigure) -> tuple[bool, float, float, str]:
    """By availability, then completeness; sites without a figure come last."""
    availability, completeness = figure.durations.availability, figure.durations.completeness
    return availability is None, availability or 0.0, completeness or 0.0, figure.site.site_id


def _material(site: SiteRow, read: Material) -> _Material:
    return _Material(
        site,
        read.stories.seen.get(site.site_id, ()),
        read.stories.corrected.get(site.site_id),
        read.stories.excluded.get(site.site_id, ()),
        read.maintenance.get(site.site_id, ()),
        read.outages.get(site.site_id, ()),
    )


def _figure(of: _Material, window: Span, granularity: Granularity | None, now_us: int) -> SiteFigure:
    zone, objective = ZoneInfo(of.site.timezone), of.site.objective
    wide = Span(min(window.start_us, window.end_us - LONGEST_BURN_US), window.end_us)
    announced = _announced(of.declared, of.site.timezone, wide)
    swept = list(timeline(of.histories, announced, wide))
    segments = list(within(swept, window))
    durations = measure(segments)
    late = [span for one in of.declared for span in late_spans(one, zone, window)]
    corrected = None
    if late or of.corrected is not None:
        histories = of.histories if of.corrected is None else of.corrected
        corrected = measure(timeline(histories, [*announced, *late], window))
    return SiteFigure(
        site=of.site,
        segments=segments,
        durations=durations,
        incidents=len(of.incidents),
        times=mean_times(_outages(of.incidents, window), announced, durations),
        responses=count(_responses(of, window, zone, now_us)),
        budget=None if objective is None else error_budget(durations, objective),
        burns=() if objective is None else list(burns(swept, window.end_us, objective)),
        buckets=() if granularity is None else list(_buckets(segments, window, granularity, zone)),
        corrected=corrected,
        late_maintenance=late,
        excluded_incidents=of.excluded,
    )


def _announced(declared: Sequence[Maintenance], zone: str, window: Span) -> list[Span]:
    return [span for one in declared for span in maintenance_spans(one, ZoneInfo(zone), window)]


def _buckets(
    segments: Sequence[Segment], window: Span, granularity: Granularity, zone: ZoneInfo
) -> Iterator[tuple[Span, Durations]]:
    for bucket in buckets(window, granularity, zone):
        yield bucket, measure(within(segments, bucket))


def _outages(incidents: Sequence[OutageRow], window: Span) -> Iterator[Outage]:
    """Those that began in the window."""
    for row in incidents:
        if row.start_us >= window.start_us:
            yield Outage(row.start_us, row.confirm_us, row.page_us, row.acknowledge_us, row.resolve_us, row.retroactive)


def _responses(of: _Material, window: Span, zone: ZoneInfo, now_us: int) -> Iterator[Response]:
    """Of the incidents that were paged in the window."""
    for row in of.incidents:
        if row.retroactive or row.page_us is None or not window.start_us <= row.page_us < window.end_us:
            continue
        week = None if row.business_hours is None else parse_business_hours(row.business_hours)
        working = WorkingTime(week, zone, partial(holidays_in, of.site.holidays))
        paged = Paged(row.page_us, row.acknowledge_us, row.resolve_us)
        yield judge(paged, row.response_target_us, working, now_us)
