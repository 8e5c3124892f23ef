"""What figures are made of, as it is read: rows, and rows as values of the pure modules."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from api.arrays import Value, read_arrays
from api.calendars import Maintenance
from api.database import Database
from api.errors import NotFound
from api.figures import History, Span, StateSpan
from api.names import Subject
from quivive import sql
from quivive.domain.times import to_datetime
from quivive.domain.words import State

_STATES = {state.value: state for state in State}

SQL = sql.load("api.sql", "sla.sql")

Arrays = Sequence[list[Value]]
"""The columns of one query."""


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site that lived in the window; its calendar is its customer's, its objective the plan's at the window's end."""

    site_id: str
    customer_id: str
    url: str
    timezone: str
    holidays: str = ""
    objective: float | None = None


@dataclass(frozen=True, slots=True)
class OutageRow:
    """An outage that reaches into the window. `business_hours` is None where response is promised around the clock."""

    start_us: int
    confirm_us: int
    page_us: int | None
    acknowledge_us: int | None
    resolve_us: int | None
    retroactive: bool
    response_target_us: int
    business_hours: str | None


@dataclass(frozen=True, slots=True)
class Stories:
    """By site: how its critical checks were seen, and as corrections let them count."""

    seen: Mapping[str, Sequence[History]]
    corrected: Mapping[str, Sequence[History]]
    """Only sites with a correction that matters."""
    excluded: Mapping[str, Sequence[str]]
    """The incidents that do not count, by site."""


@dataclass(frozen=True, slots=True)
class Material:
    """What figures are made of, by site."""

    stories: Stories
    maintenance: Mapping[str, Sequence[Maintenance]]
    outages: Mapping[str, Sequence[OutageRow]]
    """Oldest first."""


@dataclass(frozen=True, slots=True)
class _Calendar:
    timezone: str


async def read_timezone(database: Database, subject: Subject) -> ZoneInfo:
    """The zone of the subject's customer. NotFound when there has never been such a site or customer."""
    found = await database.fetch(_Calendar, SQL["timezone"], site=subject.site, customer=subject.customer)
    if not found:
        raise NotFound("SUBJECT_NOT_FOUND", f"there is no {subject}", metadata={"subject": str(subject)})
    return ZoneInfo(found[0].timezone)


async def read_sites(database: Database, subject: Subject, window: Span) -> list[SiteRow]:
    """The subject's sites by name. NotFound when it is a site that there never was."""
    start, end = to_datetime(window.start_us), to_datetime(window.end_us)
    sites = await database.fetch(
        SiteRow, SQL["sites"], site=subject.site, customer=subject.customer, start=start, end=end
    )
    if not sites and subject.site is not None:
        raise NotFound("SITE_NOT_FOUND", f"there is no site {subject.site}", metadata={"site": subject.site})
    return sites


async def read_material(
    database: Database, sites: Sequence[str], span: Span, outages_in: Span | None = None
) -> Material:
    """The sites' critical checks and maintenance over `span`; outages only where a window is given for them."""
    queries = [SQL[name] for name in ("checks", "intervals", "excluded", "maintenance")]
    if outages_in is not None:
        queries += [SQL["incidents"], SQL["promises"]]
    window = outages_in or span
    checks, intervals, excluded, maintenance, *outages = await read_arrays(
        database,
        *queries,
        sites=sites,
        start=to_datetime(span.start_us),
        end=to_datetime(span.end_us),
        since=to_datetime(window.start_us),
        until=to_datetime(window.end_us),
    )
    return Material(
        _stories(sites, checks, intervals, excluded),
        _maintenance(maintenance),
        _outages(*outages) if outages else {},
    )


def _stories(sites: Sequence[str], checks: Arrays, intervals: Arrays, excluded: Arrays) -> Stories:
    """The checks' lives by site. An excluded span counts as if the check had been paused."""
    left_out = {(check, start_us): incident for check, start_us, incident in zip(*excluded, strict=True)}
    seen: defaultdict[str, list[History]] = defaultdict(list)
    corrected: defaultdict[str, list[History]] = defaultdict(list)
    incidents: defaultdict[str, set[str]] = defaultdict(set)
    of, *spans = intervals
    for place, check, create_us, delete_us in zip(*checks, strict=True):
        site = sites[place - 1]
        first, last = bisect_left(of, check), bisect_right(of, check)
        lived = list(_spans(*(column[first:last] for column in spans)))
        seen[site].append(History(create_us, delete_us, lived))
        gone = {span.start_us: left_out[check, span.start_us] for span in lived if (check, span.start_us) in left_out}
        incidents[site].update(gone.values())
        counted = [
            StateSpan(span.start_us, span.end_us, State.PAUSED) if span.start_us in gone else span for span in lived
        ]
        corrected[site].append(History(create_us, delete_us, counted))
    named = {site: sorted(names) for site, names in incidents.items() if names}
    return Stories(seen, {site: corrected[site] for site in named}, named)


def _spans(starts: list[int], ends: list[int | None], states: list[int]) -> Iterator[StateSpan]:
    for start_us, end_us, state in zip(starts, ends, states, strict=True):
        yield StateSpan(start_us, end_us, _STATES[state])


def _maintenance(columns: Arrays) -> dict[str, list[Maintenance]]:
    declared: defaultdict[str, list[Maintenance]] = defaultdict(list)
    for site, cron, start_us, duration_us, create_us, delete_us, ical in zip(*columns, strict=True):
        declared[site].append(Maintenance(cron, start_us, duration_us, create_us, delete_us, ical))
    return declared


def _outages(incidents: Arrays, promises: Arrays) -> dict[str, list[OutageRow]]:
    """The plan's version at the page holds, of an outage without one that at its confirmation."""
    versions: defaultdict[str, list[tuple[int, int, str | None]]] = defaultdict(list)
    for plan, *promise in zip(*promises, strict=True):
        versions[plan].append((promise[0], promise[1], promise[2]))
    found: defaultdict[str, list[OutageRow]] = defaultdict(list)
    for site, plan, start_us, confirm_us, page_us, acknowledge_us, resolve_us, late in zip(*incidents, strict=True):
        at_us = confirm_us if page_us is None else page_us
        of = versions[plan]
        _, target_us, week = next((one for one in reversed(of) if one[0] <= at_us), of[0])
        found[site].append(
            OutageRow(start_us, confirm_us, page_us, acknowledge_us, resolve_us, bool(late), target_us, week)
        )
    return found
