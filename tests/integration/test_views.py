"""The reporting views are what docs/views.md promises, on each kind of server."""

from pathlib import Path

import psycopg
import pytest
from declaring import declare, rows
from psycopg import sql
from reporting import COLUMNS, documented

from aggregator.migrate import migrate


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
