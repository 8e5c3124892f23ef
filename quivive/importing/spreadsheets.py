"""CSV as programs and spreadsheets write it: rows by the names of their columns, whatever separates them."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from quivive.importing.monitors import MAX_MONITORS, MAX_TEXT_BYTES, Unreadable

MAX_CELL = 128 * 1024
SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True)
class Sheet:
    """`columns` as normalised names; a row has every column, empty where the file has nothing."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]


def read_text(path: Path) -> str:
    """The file as text: UTF-8, UTF-16 with a mark, or what Excel writes in Western Europe. Unreadable when it is none."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > MAX_TEXT_BYTES:
        raise Unreadable(f"{path}: is larger than {MAX_TEXT_BYTES // 1024 // 1024} MiB")
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeError:
            continue
        if "\0" not in text:
            return text
    raise Unreadable(f"{path}: is not text")


def read_sheet(path: Path) -> Sheet:
    """The rows below the header. Lines that begin with # are comments. A file without a header is a list of URLs."""
    # MainWP ends its lines by a carriage return alone.
    text = read_text(path).replace("\r\n", "\n").replace("\r", "\n")
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise Unreadable(f"{path}: has no rows")
    separator = max(SEPARATORS, key=lines[0].count)
    if "://" in lines[0]:
        lines.insert(0, "url")
    try:
        # One CSV row may span lines; comments are taken out where rows begin only as far as lines tell.
        rows = list(_rows(lines, separator))
    except csv.Error as error:
        raise Unreadable(f"{path}: is not CSV: {error}") from None
    columns = tuple(normalised(cell) for cell in rows[0])
    if len(rows) - 1 > MAX_MONITORS:
        raise Unreadable(f"{path}: has more than {MAX_MONITORS} rows")
    filled = (dict(zip(columns, (cell.strip() for cell in row), strict=False)) for row in rows[1:])
    return Sheet(columns, tuple({**dict.fromkeys(columns, ""), **row} for row in filled if any(row.values())))


def normalised(column: str) -> str:
    """`Friendly Name`, `friendly_name` and `friendlyName` are the same column."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column.strip())
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def first_of(row: Mapping[str, str], *columns: str) -> str:
    """The first column that says something."""
    return next((row[column] for column in columns if row.get(column)), "")


def _rows(lines: list[str], separator: str) -> Iterator[list[str]]:
    csv.field_size_limit(MAX_CELL)
    return csv.reader(io.StringIO("\n".join(lines), newline=""), delimiter=separator, skipinitialspace=True)
