"""The reporting views are what docs/views.md promises, on each kind of server."""

import re
from pathlib import Path

import psycopg
import pytest
from declaring import declare, rows
from psycopg import sql

from aggregator.migrate import migrate

COLUMNS = """
SELECT r.relname, array_agg(a.attname || ' ' || format_type(a.atttypid, NULL) ORDER BY a.attnum)
FROM pg_class AS r JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0
WHERE r.relnamespace = 'quivive_report'::regnamespace AND r.relkind = 'v'
GROUP BY r.relname
"""
SHORT = {"timestamptz": "timestamp with time zone", "float8": "double precision"}


def documented(root: Path) -> dict[str, list[str]]:
    """Columns with their types, by view."""
    views = {}
    for line in (root / "docs" / "views.md").read_text("utf-8").splitlines():
        if match := re.fullmatch(r"\| `(\w+_v\d+)` \| [^|]+ \| (.+) \|", line):
            columns = re.findall(r"`(\w+)` ([\w\[\]]+)", match[2])
            views[match[1]] = [f"{name} {SHORT.get(kind, kind)}" for name, kind in columns]
    return views


def test_every_view_has_the_columns_that_are_documented(storage_url: str, root: Path) -> None:
    migrate(storage_url)
    assert dict(rows(storage_url, COLUMNS)) == documented(root)


def test_a_reader_may_read_every_view_and_no_table(storage_url: str, root: Path) -> None:
    migrate(storage_url)
    declare(storage_url)
    with psycopg.connect(storage_url) as connection:
        connection.execute("SET ROLE quivive_reader")
        for view in documented(root):
            connection.execute(sql.SQL("SELECT * FROM quivive_report.{} LIMIT 1").format(sql.Identifier(view)))
        for table in ("sites", "sealed_entries", "incident_events"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(sql.SQL("SELECT * FROM quivive.{}").format(sql.Identifier(table)))
