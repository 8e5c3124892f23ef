"""Printing: JSON for programs, tables for people."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

Record = dict[str, Any]


def print_json(value: Record | list[Record]) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


_STYLES = {
    "UP": "green",
    "DOWN": "bold red",
    "OPEN": "bold red",
    "PARTIAL_OUTAGE": "yellow",
    "UNKNOWN": "magenta",
    "PAUSED": "dim",
    "blind": "bold magenta",
}


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A row a line, as wide as it has to be when no terminal reads it; `empty` stands in for no row at all."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.upper(), no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*map(_cell, row))
    if not table.row_count:
        print(empty)
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 1_000
    console.print(table)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """A name and a value a line."""
    from rich.console import Console
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for name, value in fields:
        table.add_row(name, _cell(value))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 1_000
    console.print(table)


def _cell(value: object) -> Any:
    from rich.text import Text

    # What sites answered ends up here: nothing of it may steer the terminal.
    shown = "-" if value is None else str(value)
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in shown)
    return Text(text, style=_STYLES.get(text, ""))
