"""The page of all sites: how each stands, its last outage, its last hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from api.database import Database
from api.figures import Span
from api.phrases import Phrases
from api.regions import RegionRow, read_regions
from api.sites import Site, read_sites
from api.sla import read_segments
from api.web.bars import Rectangle, rectangles
from quivive.domain.times import SECOND_US, to_us
from quivive.domain.words import State

HOUR_US = 3600 * SECOND_US

_ORDER = (State.DOWN, State.UNKNOWN, State.PARTIAL_OUTAGE, State.UP, State.PAUSED)
"""What needs a look comes first."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A site's newest incident in words; it goes on while `ongoing`."""

    incident_id: str
    start: datetime
    duration: str
    cause: str
    ongoing: bool


@dataclass(frozen=True, slots=True)
class SiteView:
    site_id: str
    url: str
    customer: str
    state: State
    state_word: str
    since: str
    last_outage: Outage | None
    bar: Sequence[Rectangle]


@dataclass(frozen=True, slots=True)
class Overview:
    """What the page shows; `counts` has the states that occur, in their order."""

    now: datetime
    sites: Sequence[SiteView]
    counts: Sequence[tuple[State, str, int]]
    blind: Sequence[RegionRow]
    simulated: Sequence[RegionRow]


async def read_overview(database: Database, phrases: Phrases, now: datetime) -> Overview:
    """A fixed number of queries, however many sites there are."""
    now_us = to_us(now)
    window = Span(now_us - HOUR_US, now_us)
    sites = await read_sites(database)
    segments = await read_segments(database, {site.row.site_id: site.row.timezone for site in sites}, window)
    regions = await read_regions(database)
    views = [
        _view(site, rectangles(segments[site.row.site_id], window), phrases, now)
        for site in sorted(sites, key=lambda site: (_ORDER.index(site.state), site.row.site_id))
    ]
    counts = [
        (state, phrases.text(f"states.{state.name}"), sum(view.state is state for view in views)) for state in _ORDER
    ]
    return Overview(
        now=now,
        sites=views,
        counts=[entry for entry in counts if entry[2]],
        blind=[region for region in regions if region.blind_time],
        simulated=[region for region in regions if region.simulated],
    )


def _view(site: Site, bar: Sequence[Rectangle], phrases: Phrases, now: datetime) -> SiteView:
    row = site.row
    outage = None
    if row.last_incident_id is not None and row.last_incident_start is not None:
        end = row.last_incident_resolve or now
        outage = Outage(
            incident_id=row.last_incident_id,
            start=row.last_incident_start,
            duration=phrases.duration(to_us(end) - to_us(row.last_incident_start)),
            cause=phrases.cause(row.last_incident_cause or 0),
            ongoing=row.last_incident_resolve is None,
        )
    since = site.state_time
    return SiteView(
        site_id=row.site_id,
        url=row.url,
        customer=row.customer_title,
        state=site.state,
        state_word=phrases.text(f"states.{site.state.name}"),
        since=phrases.duration(max(0, to_us(now) - to_us(since))) if since else "",
        last_outage=outage,
        bar=bar,
    )
