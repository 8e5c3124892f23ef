"""Reads silences."""

from dataclasses import dataclass
from datetime import datetime

from api.database import Database
from api.maintenance import SQL


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """Of these sites and of these customers' sites; of all when both are empty."""

    silence_id: str
    site_ids: list[str]
    customer_ids: list[str]
    start_time: datetime
    end_time: datetime
    reason: str
    author: str
    create_time: datetime
    delete_time: datetime | None


async def read_silences(
    database: Database,
    *,
    silence: str | None = None,
    site: str | None = None,
    customer: str | None = None,
    everything: bool = False,
    active_only: bool = False,
    after: tuple[datetime, str] | None = None,
    limit: int,
) -> list[SilenceRow]:
    """The newest first; with `everything` only those of all sites."""
    before_time, after_id = after or (None, "")
    return await database.fetch(
        SilenceRow,
        SQL["silences"],
        silence=silence,
        site=site,
        customer=customer,
        everything=everything,
        active_only=active_only,
        before_time=before_time,
        after_id=after_id,
        limit=limit,
    )
