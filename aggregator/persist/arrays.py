"""PostgreSQL's array literals. Thousands of elements are written in a few milliseconds, where the driver adapts one by one."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

Element = str | int | float | bool | datetime | None


def array(values: Iterable[Element]) -> str:
    """One dimension, as text that a cast reads: `%(check)s::bigint[]`."""
    return "{" + ",".join([_element(value) for value in values]) + "}"


def columns(rows: Sequence[Mapping[str, Element]]) -> dict[str, str]:
    """Rows, which all have the names of the first, as arrays that a statement unnests."""
    return {name: array([row[name] for row in rows]) for name in rows[0]}


def _element(value: Element) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value + 0)  # an enumeration's number
