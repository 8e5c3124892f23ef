"""Reads the watched sites and how they stand now."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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


async def read_site(database: Database, site: str) -> Site:
    """One live site. NotFound when there is none of this id."""
    found = await read_sites(database, site=site)
    if not found:
        raise NotFound("SITE_NOT_FOUND", f"there is no site {site}", metadata={"site": site})
    return found[0]


async def read_sites(
    database: Database,
    *,
    site: str | None = None,
    customer: str | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[Site]:
    """Live sites by id, those behind `after` only, at most `limit`."""
    rows = await database.fetch(SiteRow, SQL["page"], site=site, customer=customer, after=after, limit=limit)
    checks: defaultdict[str, list[CheckRow]] = defaultdict(list)
    for check in await database.fetch(CheckRow, SQL["checks"], sites=[row.site_id for row in rows]):
        checks[check.site_id].append(check)
    return [Site(row, checks[row.site_id]) for row in rows]


@dataclass(frozen=True, slots=True)
class _Customer:
    customer_id: str


async def require_customer(database: Database, customer: str) -> None:
    """NotFound when there has never been a customer of this id."""
    if not await database.fetch(_Customer, SQL["customer_known"], customer=customer):
        raise NotFound("CUSTOMER_NOT_FOUND", f"there is no customer {customer}", metadata={"customer": customer})
