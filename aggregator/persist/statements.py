"""The statements of `sql/persist.sql` by their section's name."""

from quivive import sql

SQL = sql.load("aggregator", "sql/persist.sql")
