"""Which status pages there are, and whose host is whose. Read again at most every few seconds, whoever asks for what."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from api.database import Database
from api.errors import ApiError, Unavailable
from quivive import sql
from quivive.configuration import StatusPageConfig

SQL = sql.load("api.sql", "status.sql")
FRESH_S = 5.0
FIRST_WITHIN_S = 1.0
"""What a request waits at most, and only while nothing is known."""

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
    """Goes on with what it knows, and never keeps a request waiting for what it knows already."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reading: asyncio.Task[None] | None = None
        self._until: float | None = None
        """When what is known is to be read again; None until it was tried once."""
        self._is_known = False
        self._by_customer: Mapping[str, StatusPage] = {}
        self._by_host: Mapping[str, StatusPage] = {}

    async def of_customer(self, customer: str) -> StatusPage | None:
        """The page at /status/{customer}. Unavailable when it cannot be known yet."""
        await self._renew()
        if not self._is_known:
            raise Unavailable("DATABASE_UNAVAILABLE", "the database is away at present")
        return self._by_customer.get(customer)

    async def of_host(self, host: str) -> StatusPage | None:
        """The page that a Host header asks for; its port does not matter. Addresses and local names are nobody's."""
        name = bare_host(host)
        if "." not in name or _is_address(name):
            return None
        await self._renew()
        return self._by_host.get(name)

    async def _renew(self) -> None:
        if self._until is None or monotonic() >= self._until:
            self._until = monotonic() + FRESH_S
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read())
        if not self._is_known and self._reading is not None:
            await asyncio.wait({self._reading}, timeout=FIRST_WITHIN_S)

    async def _read(self) -> None:
        try:
            self._take(await self._database.fetch(_Row, SQL["pages"]))
        except ApiError as error:
            log.debug("directory.kept", error=error.message)

    def _take(self, rows: Sequence[_Row]) -> None:
        pages = [_page(row) for row in rows]
        self._by_customer = {page.customer: page for page in pages}
        self._by_host = {page.declared.domain: page for page in pages if page.declared.domain}
        self._is_known = True


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


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
