"""Uptime Kuma's `kuma.db`, of versions 1 and 2: a SQLite file with a row per monitor in the table `monitor`.

Columns came and went over its versions (louislam/uptime-kuma, db/old_migrations and db/knex_migrations): what is not there is NULL.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from quivive.importing.kuma_types import READERS, REFUSALS
from quivive.importing.looks import interval_of, timeout_of
from quivive.importing.monitors import MAX_MONITORS, Monitor, Notes, Refused, Unreadable, as_flag, as_number, as_text

MAGIC = b"SQLite format 3\x00"
TAGS = """
    SELECT monitor_tag.monitor_id AS monitor, tag.name AS name, monitor_tag.value AS value
    FROM monitor_tag JOIN tag ON tag.id = monitor_tag.tag_id ORDER BY monitor_tag.id
"""


def read(path: Path) -> list[Monitor]:
    """Every monitor in the order of its id. Unreadable when this is no kuma.db. The file is not written to."""
    try:
        rows, tags = _rows(path)
    except sqlite3.Error as error:
        raise Unreadable(f"{path}: cannot be read as Uptime Kuma's database: {error}") from None
    names = {row.get("id"): as_text(row.get("name")) for row in rows}
    return [_monitor(row, tags.get(row.get("id"), ()), names.get(row.get("parent"), "")) for row in rows]


def _rows(path: Path) -> tuple[list[dict[str, Any]], dict[Any, tuple[tuple[str, str], ...]]]:
    last: sqlite3.Error | None = None
    # A database in WAL mode on a read-only disk opens only as one that nobody writes to.
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        try:
            connection = sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True)
            try:
                connection.row_factory = sqlite3.Row
                connection.text_factory = lambda text: text.decode("utf-8", "replace")
                return _select(connection, path)
            finally:
                connection.close()
        except sqlite3.OperationalError as error:
            last = error
    assert last is not None
    raise last


def _select(
    connection: sqlite3.Connection, path: Path
) -> tuple[list[dict[str, Any]], dict[Any, tuple[tuple[str, str], ...]]]:
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "monitor" not in tables:
        raise Unreadable(f"{path}: has no table `monitor`: it is not Uptime Kuma's kuma.db")
    rows = [dict(row) for row in connection.execute("SELECT * FROM monitor ORDER BY id LIMIT ?", [MAX_MONITORS + 1])]
    if len(rows) > MAX_MONITORS:
        raise Unreadable(f"{path}: holds more than {MAX_MONITORS} monitors")
    tags: dict[Any, tuple[tuple[str, str], ...]] = {}
    if {"tag", "monitor_tag"} <= tables:
        for row in connection.execute(TAGS):
            tags[row["monitor"]] = (*tags.get(row["monitor"], ()), (as_text(row["name"]), as_text(row["value"])))
    return rows, tags


def _monitor(row: Mapping[str, Any], tags: tuple[tuple[str, str], ...], group: str) -> Monitor:
    name = as_text(row.get("name")) or f"monitor {as_text(row.get('id'))}"
    kind = as_text(row.get("type")) or "unknown"
    notes = Notes()
    try:
        _refuse(row, kind)
        interval = interval_of(row.get("interval"), notes)
        check, credentials = READERS[kind](row, notes)
        if "heartbeat" not in check and (timeout := _timeout(row, interval, notes)) is not None:
            check["timeout"] = timeout
    except Refused as refused:
        return Monitor(name=name, type=kind, tags=tags, group=group, refusal=str(refused))
    notes.remark("retries: an outage is confirmed by further attempts and by a quorum of regions, not by `maxretries`")
    return Monitor(
        name=name,
        type=kind,
        check=check,
        credentials=credentials,
        interval=interval,
        paused=notes.paused or not as_flag(row.get("active")),
        tags=tags,
        group=group,
        changes=tuple(notes.changes),
        remarks=tuple(notes.remarks),
    )


def _refuse(row: Mapping[str, Any], kind: str) -> None:
    if kind not in READERS:
        raise Refused(REFUSALS.get(kind, f"Quivive has no check of type {kind[:30]!r}"))
    if as_flag(row.get("upside_down")):
        raise Refused("upside down: there is no check that is good when nothing answers")
    if as_flag(row.get("proxy_id")) or (as_number(row.get("proxy_id")) or 0) > 0:
        raise Refused("it goes through a proxy: agents connect directly")


def _timeout(row: Mapping[str, Any], interval: Any, notes: Notes) -> Any:
    seconds, every = as_number(row.get("timeout")), as_number(row.get("interval"))
    if seconds and every and abs(seconds - 0.8 * every) < 1:
        notes.remark("timeouts that Uptime Kuma had filled in (0.8 × interval) become 10s")
        return None
    return timeout_of(row.get("timeout"), interval, notes)
