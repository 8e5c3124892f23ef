"""Everything that commands print: tables for people, JSON, YAML and CSV for programs.

A command makes records, whose field names are a promise to scripts, and a table of what a person wants to see of them. Colours
come from rich: none where no terminal reads, and none with NO_COLOR.
"""

import csv
import io
import json
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from quivive.cli.options import Output

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Record = dict[str, Any]


def show(
    output: Output, records: Record | list[Record], table: Callable[[], object], *, to_stderr: bool = False
) -> None:
    """Print the records in the form that was asked for; `table` prints them for people."""
    match output:
        case Output.TABLE:
            table()
        case Output.JSON:
            print(json.dumps(records, indent=2, ensure_ascii=False), file=_stream(to_stderr))
        case Output.YAML:
            print(as_yaml(records), end="", file=_stream(to_stderr))
        case Output.CSV:
            print(as_csv(records), end="", file=_stream(to_stderr))


def print_json(value: Record | list[Record]) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def as_yaml(value: Any) -> str:
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)


def as_csv(records: Record | list[Record]) -> str:
    """A row a record, a column a field; fields of fields are dotted, and lists of plain values are joined by a space.

    Lists of records, such as the checks of a site, have no place in a row: those are in JSON and YAML.
    """
    rows = [dict(_flat("", record)) for record in (records if isinstance(records, list) else [records])]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: _harmless(value) for column, value in row.items()} for row in rows)
    return out.getvalue()


def _flat(prefix: str, value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), inner)
    elif isinstance(value, list | tuple):
        if not any(isinstance(inner, Mapping | list) for inner in value):
            yield prefix, " ".join(map(str, value))
    elif isinstance(value, bool):
        yield prefix, "true" if value else "false"
    else:
        yield prefix, "" if value is None else value


def _harmless(value: Any) -> Any:
    """What sites answered must not become a formula where a spreadsheet opens the file."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


STYLES = {
    "UP": "green",
    "DOWN": "bold red",
    "OPEN": "bold red",
    "RESOLVED": "green",
    "PARTIAL_OUTAGE": "yellow",
    "BLOCKED": "yellow",
    "UNKNOWN": "magenta",
    "PAUSED": "dim",
    "blind": "bold magenta",
    "drained": "yellow",
    "not taken": "red",
    "changed": "yellow",
    "taken": "green",
    "MET": "green",
    "BREACHED": "bold red",
    "PENDING": "yellow",
}


def console(*, to_stderr: bool = False) -> "Console":
    """As wide as what is printed has to be when no terminal reads it."""
    from rich.console import Console

    made = Console(highlight=False, stderr=to_stderr)
    if not made.is_terminal:
        made = Console(highlight=False, stderr=to_stderr, width=1_000)
    return made


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    empty: str,
    to_stderr: bool = False,
    wrap: Collection[str] = (),
) -> None:
    """A row a line; `empty` stands in for no row at all. The columns in `wrap` take several lines where a terminal is narrow."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        folds = column in wrap
        table.add_column(column.upper(), no_wrap=not folds, overflow="fold" if folds else "ellipsis")
    for row in rows:
        table.add_row(*map(cell, row))
    if not table.row_count:
        print(empty, file=_stream(to_stderr))
        return
    console(to_stderr=to_stderr).print(table)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """A name and a value a line."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for name, value in fields:
        table.add_row(name, cell(value))
    console().print(table)


def cell(value: object) -> "Text":
    """A value as a table shows it; a text that is made already stays as it is."""
    from rich.text import Text

    if isinstance(value, Text):
        return value
    # What sites answered ends up here: nothing of it may steer the terminal.
    shown = "-" if value is None else str(value)
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in shown)
    return Text(text, style=STYLES.get(text, ""))


def _stream(to_stderr: bool) -> Any:
    return sys.stderr if to_stderr else sys.stdout
