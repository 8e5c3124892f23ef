"""Reads stored results, and which checks there are to read results of."""

from dataclasses import dataclass
from datetime import datetime

from api.database import Database
from quivive import sql

SQL = sql.load("api.sql", "results.sql")


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One attempt; phases in units of 0.1 ms."""

    check_id: int
    site_id: str
    check_name: str
    region: str
    slot: datetime
    attempt: int
    end_time: datetime
    outcome: int
    cause: int
    http_status: int
    dns: int
    connect: int
    tls: int
    first_byte: int
    transfer: int
    revision: int
    detail: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class CheckName:
    """A live check."""

    check_id: int
    site_id: str
    name: str


After = tuple[datetime, int, str, int]
"""Slot, check, region, attempt of the entry before the first wanted one."""


async def read_results(
    database: Database,
    checks: list[int],
    *,
    start: datetime,
    end: datetime,
    region: str | None,
    failing_only: bool,
    after: After | None,
    limit: int,
) -> list[ResultRow]:
    """The newest slot first."""
    slot, check, after_region, attempt = after or (None, 0, "", 0)
    return await database.fetch(
        ResultRow,
        SQL["page"],
        checks=checks,
        start=start,
        end=end,
        region=region,
        failing_only=failing_only,
        after_slot=slot,
        after_check=check,
        after_region=after_region,
        after_attempt=attempt,
        limit=limit,
    )


async def read_checks(
    database: Database, *, site: str | None, check: str | None, customer: str | None, owner: str | None
) -> list[CheckName]:
    """The live checks of a site, one of them, or those of a customer's sites; only what is the owner's, if one is named."""
    return await database.fetch(CheckName, SQL["checks"], site=site, check=check, customer=customer, owner=owner)
