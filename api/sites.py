"""Reads the watched sites and how they stand now."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.database import Database
from api.errors import NotFound
from quivive import sql
from quivive.domain.words import State

SQL = sql.load("api.sql", "sites.sql")


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A live check with its present state; durations in µs."""

    check_id: int
    site_id: str
    name: str
    type: str
    target: str
    critical: bool
    paused: bool
    interval_us: int
    timeout_us: int
    regions: list[str]
    revision: int
    state: int
    state_time: datetime


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A live site with its newest incident, open or resolved."""

    site_id: str
    customer_id: str
    customer_title: str
    timezone: str
    url: str
    paused: bool
    last_incident_id: str | None
    last_incident_start: datetime | None
    last_incident_resolve: datetime | None
    last_incident_cause: int | None
    declared: Mapping[str, Any]
    create_time: datetime


@dataclass(frozen=True, slots=True)
class Site:
    """A live site, its live checks with the site's own first, and what follows from them."""

    row: SiteRow
    checks: Sequence[CheckRow]

    @property
    def state(self) -> State:
        """The worst state of the critical checks: DOWN, then UNKNOWN, then PARTIAL_OUTAGE, then UP."""
        return site_state(self.row.paused, self.checks)

    @property
    def state_time(self) -> datetime | None:
        """Since when: the first of the checks that are in the site's state; once all are UP, the last to come up."""
        state = self.state
        times = [check.state_time for check in self.checks if check.critical and (check.state == state)]
        if not times:
            return None
        return max(times) if state is State.UP else min(times)


def site_state(paused: bool, checks: Sequence[CheckRow]) -> State:
    """What the critical checks that are not paused say; UNKNOWN when there is none."""
    if paused:
        return State.PAUSED
    states = {check.state for check in checks if check.critical and not check.paused}
    for state in (State.DOWN, State.UNKNOWN, State.PARTIAL_OUTAGE, State.UP):
        if state in states:
            return state
    return State.UNKNOWN


@dataclass(frozen=True, slots=True)
class FoundSite:
    """What sites are found and sorted by; `rank` counts the worst state as 0."""

    site_id: str
    customer_id: str
    url: str
    paused: bool
    tags: list[str]
    preset: str
    create_time: datetime
    state: int
    rank: int
    state_time: datetime


async def read_site(database: Database, site: str, customer: str | None = None) -> Site:
    """One live site, of that customer if one is named. NotFound when there is none of this id."""
    found = await read_sites(database, site=site, customer=customer)
    if not found:
        raise NotFound("SITE_NOT_FOUND", f"there is no site {site}", metadata={"site": site})
    return found[0]


async def find_sites(database: Database, customer: str | None) -> list[FoundSite]:
    """All live sites, by id, with no more than it takes to choose among them."""
    return await database.fetch(FoundSite, SQL["find"], customer=customer)


async def read_chosen(database: Database, sites: Sequence[str]) -> list[Site]:
    """These sites, in this order; those that are gone are left out."""
    found = {site.row.site_id: site for site in await read_sites(database, sites=sites)}
    return [found[site] for site in sites if site in found]


async def read_sites(
    database: Database,
    *,
    site: str | None = None,
    customer: str | None = None,
    sites: Sequence[str] | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[Site]:
    """Live sites by id, those behind `after` only, at most `limit`."""
    rows = await database.fetch(
        SiteRow,
        SQL["page"],
        site=site,
        customer=customer,
        sites=None if sites is None else list(sites),
        after=after,
        limit=limit,
    )
    checks: defaultdict[str, list[CheckRow]] = defaultdict(list)
    for check in await database.fetch(CheckRow, SQL["checks"], sites=[row.site_id for row in rows]):
        checks[check.site_id].append(check)
    return [Site(row, checks[row.site_id]) for row in rows]


@dataclass(frozen=True, slots=True)
class _Tagged:
    site_id: str


async def read_tagged(database: Database, tag: str, owner: str | None) -> list[str]:
    """The live sites with this tag, by id; only the owner's, if one is named."""
    return [row.site_id for row in await database.fetch(_Tagged, SQL["tagged"], tag=tag, customer=owner)]


@dataclass(frozen=True, slots=True)
class _Customer:
    customer_id: str


async def require_customer(database: Database, customer: str) -> None:
    """NotFound when there has never been a customer of this id."""
    if not await database.fetch(_Customer, SQL["customer_known"], customer=customer):
        raise NotFound("CUSTOMER_NOT_FOUND", f"there is no customer {customer}", metadata={"customer": customer})
