"""Plans of the services' statements, with values that fit each parameter."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

NOW = datetime.now(UTC)
PARAMETER = re.compile(r"%\((\w+)\)s|%s|%%")
EARLY = {"start", "since", "first", "first_day", "from", "after"}
VALUES = {
    "timestamp with time zone": "'{middle}'",
    "timestamp with time zone[]": "'{{\"{middle}\"}}'",
    "text": "'site-1'",
    "text[]": "'{{site-1}}'",
    "bigint": "101",
    "integer": "1",
    "smallint": "1",
    "bigint[]": "'{{101,102}}'",
    "integer[]": "'{{1}}'",
    "smallint[]": "'{{1}}'",
    "boolean": "true",
    "boolean[]": "'{{true}}'",
    "jsonb": "'{{}}'",
    "jsonb[]": "'{{}}'",
    "json": "'{{}}'",
    "uuid": "'00000000-0000-0000-0000-000000000001'",
    "uuid[]": "'{{00000000-0000-0000-0000-000000000001}}'",
    "bytea": "''",
    "bytea[]": "'{{}}'",
    "interval": "'1 day'",
    "date": "'{middle}'",
    "double precision": "0.5",
    "double precision[]": "'{{0.5}}'",
    "pg_snapshot": "'1:1:'",
    "numeric": "1",
    '"char"': "'a'",
}
"""By type. An instant in the middle of a window of two days that ended a day ago."""


def plan(connection: psycopg.Connection, statement: str) -> dict[str, Any] | None:
    """The plan that these values give; None for a statement that has none, such as COPY."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        name = match[1] or f"#{len(names)}"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    if re.search(r"\A(--.*\n)*\s*(COPY|CREATE|SET|LOCK|NOTIFY|LISTEN|ANALYZE|VACUUM)\b", statement):
        return None
    text = PARAMETER.sub(number, statement).strip().rstrip(";")
    connection.prepare_threshold = None  # the driver's own prepared statements would go with ours
    connection.execute("DEALLOCATE ALL")
    _prepare(connection, text, len(names))
    row = connection.execute(
        "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'asked'"
    ).fetchone()
    assert row is not None
    values = ", ".join(_value(name, kind) for name, kind in zip(names, row[0], strict=True))
    arguments = f"({values})" if values else ""
    found = connection.execute(f"EXPLAIN (FORMAT JSON) EXECUTE asked{arguments}".encode()).fetchone()
    assert found is not None
    planned: dict[str, Any] = found[0][0]["Plan"]
    return planned


def _prepare(connection: psycopg.Connection, text: str, count: int) -> None:
    """A parameter that says nothing of its type is a text, as the driver would send it."""
    types = ["unknown"] * count
    while True:
        declared = f"({', '.join(types)})" if types else ""
        try:
            connection.execute(f"PREPARE asked{declared} AS {text}".encode())
            return
        except psycopg.errors.IndeterminateDatatype as error:
            number = re.search(r"\$(\d+)", str(error))
            assert number is not None, text
            types[int(number[1]) - 1] = "text"
        except psycopg.errors.UndefinedFunction:
            # What is taken from an instant might be an instant, too: here it is a length of time.
            lengths = [int(number) - 1 for number in re.findall(r"\(\) [-+] \$(\d+)", text)]
            if all(types[place] == "interval" for place in lengths):
                raise
            for place in lengths:
                types[place] = "interval"


def _value(name: str, kind: str) -> str:
    start, end = NOW - timedelta(days=3), NOW - timedelta(days=1)
    if kind.startswith(("timestamp", "date")) and not kind.endswith("[]"):
        moment = (
            start
            if name in EARLY
            else end
            if name in ("end", "until", "last_day", "to", "now")
            else start + (end - start) / 2
        )
        return f"'{moment.isoformat()}'"
    if name in ("limit", "size"):
        return "50"
    return VALUES[kind].format(middle=(start + (end - start) / 2).isoformat())


def scans(planned: dict[str, Any]) -> list[dict[str, Any]]:
    """Every node that reads a table."""
    below = [node for child in planned.get("Plans", []) for node in scans(child)]
    return [*([planned] if "Relation Name" in planned else []), *below]
