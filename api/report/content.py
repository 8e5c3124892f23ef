"""What a report says, as values: every number, date and duration is text in the customer's language already. No I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from api.figures import Durations, Span, mean_availability
from api.incidents import IncidentRow
from api.phrases import Phrases, phrases
from api.report.strips import Day, strip
from api.sla import SiteFigure
from quivive.domain.times import to_datetime, to_us

INCIDENTS_LISTED = 15
"""The longest ones; more do not fit on a page and are counted."""


@dataclass(frozen=True, slots=True)
class CustomerRow:
    title: str
    locale: str
    timezone: str
    plan_title: str
    objective: float | None


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of the customer's evidence log."""

    sequence: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class SiteView:
    site_id: str
    url: str
    availability: str
    outages: str
    down: str | None
    unknown: str | None
    days: Sequence[Day]


@dataclass(frozen=True, slots=True)
class IncidentView:
    site_id: str
    start: str
    duration: str
    cause: str
    responsibility: str
    retroactive: bool


@dataclass(frozen=True, slots=True)
class Headline:
    """The one percentage, and what stands beside it; None where there is nothing to say."""

    availability: str
    of: str
    mean: str | None
    objective: str | None
    objective_met: bool | None
    down: str
    outages: str


@dataclass(frozen=True, slots=True)
class Report:
    """What the page shows; everything is text already."""

    locale: str
    customer: str
    plan: str
    title: str
    period: str
    unfinished: str | None
    headline: Headline
    sites: Sequence[SiteView]
    incidents: Sequence[IncidentView]
    incidents_left_out: str | None
    notes: Sequence[str]
    made: str


def build(
    customer: CustomerRow,
    figures: Sequence[SiteFigure],
    incidents: Sequence[IncidentRow],
    simulated: Sequence[str],
    head: Head | None,
    *,
    calendar: Span,
    now: datetime,
) -> Report:
    """The report as values. `figures` come worst first."""
    t, zone = phrases(customer.locale), ZoneInfo(customer.timezone)
    ended = calendar.end_us <= to_us(now)
    window_end = calendar.end_us if ended else to_us(now)
    longest = sorted(incidents, key=lambda row: to_us(row.start_time) - to_us(row.resolve_time or now))
    listed = sorted(longest[:INCIDENTS_LISTED], key=lambda row: row.start_time)
    left_out = len(incidents) - len(listed)
    return Report(
        locale=customer.locale,
        customer=customer.title,
        plan=customer.plan_title,
        title=t.text("report.title", customer=customer.title, month=t.month(calendar.start_us, zone)),
        period=t.text(
            "report.period",
            start=t.day(calendar.start_us, zone),
            end=t.day(calendar.end_us - 1, zone),
            zone=t.zone(zone),
        ),
        unfinished=None if ended else t.text("report.unfinished", end=t.moment(to_datetime(window_end), zone)),
        headline=_headline(customer, figures, len(incidents), t),
        sites=[_site_view(figure, calendar, zone, t) for figure in figures],
        incidents=[_incident_view(row, zone, now, t) for row in listed],
        incidents_left_out=t.count("report.incidents_left_out", left_out) if left_out else None,
        notes=[*_notes(figures, simulated, t), *_after_the_fact(figures, zone, t), *_sealed(head, t)],
        made=t.text("report.made", time=t.moment(now, zone)),
    )


def _headline(customer: CustomerRow, figures: Sequence[SiteFigure], outages: int, t: Phrases) -> Headline:
    availability = figures[0].durations.availability if figures else None
    mean = mean_availability(figure.durations for figure in figures)
    return Headline(
        availability=_percent(availability, t),
        of=_whose(figures, t),
        mean=t.percent(mean) if mean is not None and len(figures) > 1 else None,
        objective=t.percent(customer.objective) if customer.objective is not None else None,
        objective_met=None
        if availability is None or customer.objective is None
        else availability >= customer.objective,
        down=t.duration(sum(figure.durations.down_us for figure in figures)),
        outages=t.count("report.outages", outages),
    )


def _whose(figures: Sequence[SiteFigure], t: Phrases) -> str:
    """What the one percentage is of."""
    if not figures or (worst := figures[0]).durations.availability is None:
        return t.text("report.no_figure_why")
    if len(figures) == 1:
        return worst.site.site_id
    if all(figure.durations.availability == worst.durations.availability for figure in figures):
        return t.text("report.availability_of_each", count=len(figures))
    return t.text("report.availability_of_worst", site=worst.site.site_id, count=len(figures))


def _site_view(figure: SiteFigure, calendar: Span, zone: ZoneInfo, t: Phrases) -> SiteView:
    return SiteView(
        site_id=figure.site.site_id,
        url=figure.site.url,
        availability=_percent(figure.durations.availability, t),
        outages=t.count("report.outages", figure.incidents),
        down=t.duration(figure.durations.down_us) if figure.durations.down_us else None,
        unknown=(
            t.text("report.unknown_time", time=t.duration(figure.durations.unknown_us))
            if figure.durations.unknown_us
            else None
        ),
        days=list(strip(figure.segments, calendar, zone)),
    )


def _incident_view(row: IncidentRow, zone: ZoneInfo, now: datetime, t: Phrases) -> IncidentView:
    duration = t.duration(to_us(row.resolve_time or now) - to_us(row.start_time))
    return IncidentView(
        site_id=row.site_id,
        start=t.short_moment(row.start_time, zone),
        duration=duration if row.resolve_time else t.text("report.ongoing"),
        cause=t.cause(row.cause),
        responsibility=t.responsibility(row.responsibility),
        retroactive=row.retroactive,
    )


def _notes(figures: Sequence[SiteFigure], simulated: Sequence[str], t: Phrases) -> list[str]:
    """What a careful reader wants to know; completeness and bounds are the worst site's, like the headline."""
    notes = [t.text("report.note_availability"), t.text("report.note_quorum")]
    worst = figures[0].durations if figures else Durations()
    completeness, lower, upper = worst.completeness, worst.lower_bound, worst.upper_bound
    if completeness is not None and lower is not None and upper is not None:
        notes.append(
            t.text(
                "report.note_completeness",
                completeness=t.percent(completeness),
                unknown=t.duration(worst.unknown_us),
                lower=t.percent(lower),
                upper=t.percent(upper),
            )
        )
    partial_us = sum(figure.durations.partial_us for figure in figures)
    if partial_us:
        notes.append(t.text("report.note_partial", partial=t.duration(partial_us)))
    maintenance_us = sum(figure.durations.maintenance_us for figure in figures)
    if maintenance_us:
        notes.append(t.text("report.note_maintenance", maintenance=t.duration(maintenance_us)))
    if simulated:
        notes.append(t.text("report.note_simulated", regions=", ".join(simulated)))
    return notes


def _after_the_fact(figures: Sequence[SiteFigure], zone: ZoneInfo, t: Phrases) -> Iterator[str]:
    """What was said of the month after the fact, site by site, and how its figure reads with that."""
    for figure in figures:
        if figure.corrected is None:
            continue
        for span in figure.late_maintenance:
            yield t.text(
                "report.note_late_maintenance",
                site=figure.site.site_id,
                start=t.short_moment(to_datetime(span.start_us), zone),
                duration=t.duration(span.end_us - span.start_us),
            )
        if figure.excluded_incidents:
            yield t.text(
                "report.note_excluded",
                site=figure.site.site_id,
                outages=t.count("report.outages", len(figure.excluded_incidents)),
            )
        yield t.text(
            "report.note_corrected",
            site=figure.site.site_id,
            seen=_percent(figure.durations.availability, t),
            corrected=_percent(figure.corrected.availability, t),
        )


def _sealed(head: Head | None, t: Phrases) -> Iterator[str]:
    """What whoever keeps the report can hold any later export of the log against."""
    if head is not None:
        yield t.text("report.note_head", sequence=head.sequence, hash=head.hash.hex())


def _percent(ratio: float | None, t: Phrases) -> str:
    return t.text("report.no_figure") if ratio is None else t.percent(ratio)
