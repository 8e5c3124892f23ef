"""What a test declares, written straight into a migrated database: a customer, sites with one check each, regions, channels."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

REGIONS = ("ap-south", "eu-west", "us-east")


def declare(
    url: str,
    *,
    sites: int = 1,
    regions: Sequence[str] = REGIONS,
    plan: str = "premium",
    interval_us: int = 3_000_000,
    timeout_us: int = 2_000_000,
    first_check: int = 101,
    simulated: Sequence[str] = (),
) -> list[int]:
    """The ids of the checks, in the order of their sites: site-1, site-2, ..."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO quivive.customers VALUES ('martin', 'Boulangerie Martin', %s, 'fr', 'Europe/Paris')", [plan]
        )
        for region in regions:
            connection.execute(
                "INSERT INTO quivive.regions (name, title, simulated) VALUES (%s, %s, %s)",
                [region, region, region in simulated],
            )
        checks = list(range(first_check, first_check + sites))
        for number, check in enumerate(checks, 1):
            _declare_site(connection, f"site-{number}", check, regions, interval_us, timeout_us)
        connection.execute("UPDATE quivive.configuration SET revision = revision + 1")
    return checks


def _declare_site(
    connection: psycopg.Connection, site: str, check: int, regions: Sequence[str], interval_us: int, timeout_us: int
) -> None:
    target = f"https://{site}.example/"
    connection.execute("INSERT INTO quivive.sites VALUES (%s, 'martin', %s, '{}')", [site, target])
    connection.execute(
        "INSERT INTO quivive.checks (check_id, site_id, name, type, critical, revision, create_time)"
        " VALUES (%s, %s, 'http', 'http', true, 1, now() - interval '1 minute')",
        [check, site],
    )
    connection.execute(
        "INSERT INTO quivive.check_revisions (check_id, revision, regions, interval_us, timeout_us, down_attempts, target, spec)"
        " VALUES (%s, 1, %s, %s, %s, 2, %s, '')",
        [check, sorted(regions), interval_us, timeout_us, target],
    )


def declare_channel(
    database_url: str,
    channel: str,
    type_: str,
    /,
    audience: Sequence[str] = ("incidents", "operations"),
    **declared: Any,
) -> None:
    """A channel as `quivive apply` would have stored it."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO quivive.channels VALUES (%s, %s, %s, %s)",
            [channel, type_, list(audience), Jsonb({"id": channel, "type": type_, **declared})],
        )
        connection.execute("UPDATE quivive.configuration SET revision = revision + 1")


def rows(url: str, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Ask the database; no rows for a statement."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query, parameters or None)
        return cursor.fetchall() if cursor.description else []
