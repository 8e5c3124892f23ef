"""Reads the declared regions and whether their votes count."""

from dataclasses import dataclass
from datetime import datetime

from api.database import Database
from quivive import sql

SQL = sql.load("api.sql", "regions.sql")


@dataclass(frozen=True, slots=True)
class RegionRow:
    """`blind_time` is set while the region's votes do not count."""

    name: str
    title: str
    simulated: bool
    blind_time: datetime | None
    blind_reason: str | None
    drained: bool = False
    checks: int = 0
    """Those that are watched from it."""


async def read_regions(database: Database) -> list[RegionRow]:
    """The declared regions by name."""
    return await database.fetch(RegionRow, SQL["all"])
