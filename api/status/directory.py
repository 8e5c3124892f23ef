"""Which status pages there are, and whose host is whose. Read again at most every few seconds, whoever asks for what."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from api.database import Database
from api.errors import ApiError
from quivive import sql
from quivive.configuration import StatusPageConfig

SQL = sql.load("api.sql", "status.sql")
FRESH_S = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StatusPage:
    """One customer's page as it is declared."""

    customer: str
    title: str
    locale: str
    zone: ZoneInfo
    performance: bool
    """Whether the plan shows response times."""
    declared: StatusPageConfig


@dataclass(frozen=True, slots=True)
class _Row:
    customer_id: str
    title: str
    locale: str
    timezone: str
    declared: Mapping[str, Any]
    performance: bool


class Directory:
    """Goes on with what it knows while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = asyncio.Lock()
        self._until: float | None = None
        self._by_customer: Mapping[str, StatusPage] = {}
        self._by_host: Mapping[str, StatusPage] = {}

    async def of_customer(self, customer: str) -> StatusPage | None:
        """The page at /status/{customer}. Unavailable when it cannot be known yet."""
        await self._renew()
        return self._by_customer.get(customer)

    async def of_host(self, host: str) -> StatusPage | None:
        """The page that a Host header asks for; its port does not matter."""
        await self._renew()
        return self._by_host.get(bare_host(host))

    async def _renew(self) -> None:
        if self._until is not None and monotonic() < self._until:
            return
        async with self._lock:
            if self._until is not None and monotonic() < self._until:
                return
            try:
                rows = await self._database.fetch(_Row, SQL["pages"])
            except ApiError as error:
                if self._until is None:
                    raise
                log.debug("directory.kept", error=error.message)
            else:
                self._take(rows)
            self._until = monotonic() + FRESH_S

    def _take(self, rows: Sequence[_Row]) -> None:
        pages = [_page(row) for row in rows]
        self._by_customer = {page.customer: page for page in pages}
        self._by_host = {page.declared.domain: page for page in pages if page.declared.domain}


def bare_host(header: str) -> str:
    """`Status.Bakery.example:443` as `status.bakery.example`."""
    host = header.strip().lower()
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).removesuffix(".")


def _page(row: _Row) -> StatusPage:
    declared = StatusPageConfig.model_validate(row.declared)
    return StatusPage(
        row.customer_id, declared.title or row.title, row.locale, ZoneInfo(row.timezone), row.performance, declared
    )
