"""Any CSV with a column `url`: one row a site, or a list of URLs without a header.

Columns, in any order: url, name, type (http, keyword, port, dns), host, port, record, interval, timeout (seconds, or 30s), method,
status, contains, excludes, tags, customer, paused. Others are said to be unknown.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from quivive.configuration.durations import parse_duration
from quivive.importing.looks import interval_of, statuses_of, timeout_of
from quivive.importing.monitors import Monitor, Notes, Refused, Unreadable, as_flag, as_number
from quivive.importing.spreadsheets import first_of, read_sheet

CUSTOMER = "customer"
"""The column whose value counts as a tag of this name."""
URL = ("url", "website", "site_url", "address", "target", "monitor_url")
NAME = ("name", "site_name", "site", "title", "label", "id")
CONTAINS = ("contains", "body_contains", "keyword", "keyword_value")
OTHERS = (
    *("type", "host", "hostname", "port", "record", "interval", "timeout", "method", "status", "contains", "excludes"),
    *("tags", "tag", "group", "paused", "active", "body_excludes", CUSTOMER),
)
KNOWN = frozenset((*URL, *NAME, *CONTAINS, *OTHERS))


def read(path: Path) -> list[Monitor]:
    """Every row. Unreadable when there is no column to look at."""
    sheet = read_sheet(path)
    if not {*URL, "host", "hostname"} & set(sheet.columns):
        raise Unreadable(f"{path}: has no column `url`; its columns are {', '.join(sheet.columns)}"[:500])
    unknown = [column for column in sheet.columns if column and column not in KNOWN]
    remarks = (f"columns that say nothing here: {', '.join(unknown)}",) if unknown else ()
    return [_monitor(row, number, remarks) for number, row in enumerate(sheet.rows, 1)]


def _monitor(row: Mapping[str, str], number: int, remarks: tuple[str, ...]) -> Monitor:
    name = first_of(row, *NAME, *URL, "host", "hostname") or f"row {number}"
    kind = row.get("type", "").lower() or "http"
    tags = tuple((tag.strip(), "") for tag in first_of(row, "tags", "tag", "group").split(",") if tag.strip())
    if row.get(CUSTOMER):
        tags = ((CUSTOMER, row[CUSTOMER]), *tags)
    notes = Notes()
    try:
        interval = interval_of(_seconds(row["interval"]), notes) if row.get("interval") else None
        check = _check(row, kind, notes)
        timeout = timeout_of(_seconds(row["timeout"]), interval, notes) if row.get("timeout") else None
        if timeout is not None:
            check["timeout"] = timeout
    except Refused as refused:
        return Monitor(name=name, type=kind, tags=tags, refusal=str(refused), remarks=remarks)
    return Monitor(
        name=name,
        type=kind,
        check=check,
        interval=interval,
        paused=as_flag(row.get("paused")) or (bool(row.get("active")) and not as_flag(row["active"])),
        tags=tags,
        changes=tuple(notes.changes),
        remarks=remarks,
    )


def _check(row: Mapping[str, str], kind: str, notes: Notes) -> dict[str, Any]:
    url, host = first_of(row, *URL), first_of(row, "host", "hostname")
    if kind in ("port", "tcp"):
        number = as_number(row.get("port"))
        if number is None or number != int(number):
            raise Refused("it has no port")
        return {"tcp": {"host": host or url, "port": int(number)}}
    if kind == "dns":
        return {"dns": {"name": host or url, "record": row.get("record", "").upper() or "A"}}
    if kind not in ("http", "https", "http(s)", "keyword", "url", "website"):
        raise Refused(f"there is no type {kind[:30]!r}: write http, keyword, port or dns")
    if not (url or host):
        raise Refused("it has no URL")
    target = url or host
    check: dict[str, Any] = {"url": target if "://" in target else f"https://{target}"}
    if check["url"] != target:
        notes.change("https:// was put before it")
    if row.get("method") and row["method"].upper() != "GET":
        check["method"] = row["method"].upper()
    expect: dict[str, Any] = {}
    if statuses := statuses_of(row.get("status", "").replace(";", ",").replace(" ", ",").split(","), notes):
        expect["status"] = statuses
    if contains := first_of(row, *CONTAINS):
        expect["body_contains"] = contains
    if excludes := first_of(row, "excludes", "body_excludes"):
        expect["body_excludes"] = excludes
    return {**check, "expect": expect} if expect else check


def _seconds(text: str) -> object:
    """Seconds of `60`, `60s` or `1min`; what cannot be read stays as it is, to be said."""
    try:
        return parse_duration(text) / timedelta(seconds=1)
    except ValueError:
        return text
