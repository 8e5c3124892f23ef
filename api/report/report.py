"""Builds and renders a customer's month.

1. The month in the customer's zone, up to now when it is not over.
2. Figures of every site, the worst first; outages of the critical checks.
3. Words, numbers and dates in the customer's language; the template only places them.
"""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from api.calendars import month_window
from api.database import Database
from api.errors import NotFound, invalid_field
from api.figures import Span
from api.incidents import read_incidents_during
from api.names import Subject
from api.phrases import phrases
from api.regions import read_regions
from api.report.content import CustomerRow, Head, build
from api.sla import read_figures
from quivive import sql
from quivive.domain.times import to_datetime, to_us

SQL = sql.load("api.sql", "report.sql")


class Reporter:
    """Renders reports; `clock` gives the present."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._templates = Environment(
            loader=PackageLoader("api.report"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    async def render(self, customer: str, month: str) -> str:
        """The page. NotFound without such a customer; InvalidArgument when the month is none or has not begun."""
        found = await self._database.fetch(CustomerRow, SQL["customer"], customer=customer)
        if not found:
            raise NotFound("CUSTOMER_NOT_FOUND", f"there is no customer {customer}", metadata={"customer": customer})
        row, zone, now = found[0], ZoneInfo(found[0].timezone), self._clock()
        try:
            calendar = month_window(month, zone)
        except ValueError as error:
            raise invalid_field("month", "BAD_MONTH", str(error)) from None
        if calendar.start_us >= to_us(now):
            raise invalid_field("month", "BAD_MONTH", "has not begun")
        window = Span(calendar.start_us, min(calendar.end_us, to_us(now)))
        figures = await read_figures(self._database, Subject(customer=customer), window)
        incidents = await read_incidents_during(
            self._database,
            [figure.site.site_id for figure in figures],
            to_datetime(window.start_us),
            to_datetime(window.end_us),
        )
        simulated = [region.name for region in await read_regions(self._database) if region.simulated]
        heads = await self._database.fetch(Head, SQL["head"], customer=customer)
        report = build(row, figures, incidents, simulated, heads[0] if heads else None, calendar=calendar, now=now)
        return self._templates.get_template("report.html").render(report=report, t=phrases(row.locale))
