"""Per-site metrics for Prometheus: as many series as there are sites, so they stand apart from the api's own."""

from dataclasses import dataclass

from api.database import Database
from api.sites import find_sites
from quivive import sql
from quivive.domain.words import State

SQL = sql.load("api.sql", "site_metrics.sql")

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_STATES = (State.UP, State.PARTIAL_OUTAGE, State.DOWN, State.UNKNOWN, State.PAUSED)


@dataclass(frozen=True, slots=True)
class _Latency:
    site_id: str
    check_name: str
    region: str
    units: int


@dataclass(frozen=True, slots=True)
class _Certificate:
    site_id: str
    check_name: str
    host: str
    expiry: float


async def site_metrics(database: Database, owner: str | None) -> str:
    """The exposition; only the owner's sites, if one is named."""
    lines = [
        "# HELP quivive_site_state 1 for the state that a site is in, 0 for the others.",
        "# TYPE quivive_site_state gauge",
    ]
    for site in await find_sites(database, owner):
        labels = f'site="{site.site_id}",customer="{site.customer_id}"'
        for state in _STATES:
            lines.append(f'quivive_site_state{{{labels},state="{state.name}"}} {int(site.state == state.value)}')
    lines += [
        "# HELP quivive_site_latency_seconds Duration of a check's newest good attempt, from whichever region it was.",
        "# TYPE quivive_site_latency_seconds gauge",
    ]
    for row in await database.fetch(_Latency, SQL["latencies"], owner=owner):
        labels = f'site="{row.site_id}",check="{row.check_name}",region="{row.region}"'
        lines.append(f"quivive_site_latency_seconds{{{labels}}} {row.units / 10_000}")
    lines += [
        "# HELP quivive_site_certificate_expiry_seconds When the certificate ends that was shown last, in Unix time.",
        "# TYPE quivive_site_certificate_expiry_seconds gauge",
    ]
    for shown in await database.fetch(_Certificate, SQL["certificates"], owner=owner):
        labels = f'site="{shown.site_id}",check="{shown.check_name}",host="{_escaped(shown.host)}"'
        lines.append(f"quivive_site_certificate_expiry_seconds{{{labels}}} {shown.expiry:.0f}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
