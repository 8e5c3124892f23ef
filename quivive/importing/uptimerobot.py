"""UptimeRobot: what its API answers to getMonitors (version 2) or GET /monitors (version 3), as JSON, and its CSV export."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quivive.importing.looks import headers_of, interval_of, statuses_of, timeout_of
from quivive.importing.monitors import (
    MAX_MONITORS,
    Credentials,
    Monitor,
    Notes,
    Refused,
    Unreadable,
    as_flag,
    as_number,
    as_text,
)
from quivive.importing.spreadsheets import Sheet, normalised, read_sheet, read_text

TYPES = {"1": "http", "2": "keyword", "3": "ping", "4": "port", "5": "heartbeat"}
PORTS = {"1": 80, "2": 443, "3": 21, "4": 25, "5": 110, "6": 143}
"""Of version 2's sub_type; 99 has a port of its own."""
METHODS = {"1": "HEAD", "2": "GET", "3": "POST", "4": "PUT", "5": "PATCH", "6": "DELETE", "7": "OPTIONS"}
KEYWORD_TYPES = {"1": "exists", "2": "not exists", "alert_exists": "exists", "alert_not_exists": "not exists"}
REFUSALS = {
    "ping": "no ICMP: what a visitor needs is a port or a page; a `tcp` check can watch one",
    "udp": "UDP is not checked",
    "api": "assertions on JSON are not made; a `url` check can look for text",
    "dns": "which record it expects is not in the export: write a `dns` check",
}


def fits(sheet: Sheet) -> bool:
    return "friendly_name" in sheet.columns


def read(path: Path) -> list[Monitor]:
    """Every monitor of a JSON answer, of several in a list, or of a CSV file. Unreadable when it is none of them."""
    text = read_text(path)
    if text.lstrip()[:1] not in ("{", "["):
        return [_monitor(row) for row in read_sheet(path).rows]
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{path}: is not JSON: {error}") from None
    monitors = [monitor for answer in (found if isinstance(found, list) else [found]) for monitor in _list_in(answer)]
    if not monitors:
        raise Unreadable(f"{path}: has no `monitors` (API version 2) and no `data` (version 3)")
    if len(monitors) > MAX_MONITORS:
        raise Unreadable(f"{path}: holds more than {MAX_MONITORS} monitors")
    return [_monitor({normalised(str(key)): value for key, value in monitor.items()}) for monitor in monitors]


def _list_in(answer: object) -> list[Mapping[str, Any]]:
    if not isinstance(answer, dict):
        return []
    for key in ("monitors", "data"):
        if isinstance(answer.get(key), list):
            return [monitor for monitor in answer[key] if isinstance(monitor, dict)]
    return [answer] if {"friendly_name", "friendlyName"} & answer.keys() else []


def _monitor(row: Mapping[str, Any]) -> Monitor:
    name = as_text(row.get("friendly_name")) or as_text(_url(row)) or f"monitor {as_text(row.get('id'))}"
    kind = TYPES.get(as_text(row.get("type")), as_text(row.get("type")).lower() or "http")
    kind = {"http(s)": "http", "https": "http", "cron": "heartbeat"}.get(kind, kind)
    notes = Notes()
    tags = tuple((tag, "") for tag in _tags(row))
    try:
        interval = interval_of(row.get("interval"), notes) if as_text(row.get("interval")) else None
        check, credentials = _check(row, kind, notes)
        if "heartbeat" not in check and (timeout := timeout_of(row.get("timeout"), interval, notes)) is not None:
            check["timeout"] = timeout
    except Refused as refused:
        return Monitor(name=name, type=kind, tags=tags, refusal=str(refused))
    return Monitor(
        name=name,
        type=kind,
        check=check,
        credentials=credentials,
        interval=interval,
        paused=notes.paused or as_text(row.get("status")).lower() in ("0", "paused"),
        tags=tags,
        changes=tuple(notes.changes),
        remarks=tuple(notes.remarks),
    )


def _check(row: Mapping[str, Any], kind: str, notes: Notes) -> tuple[dict[str, Any], Credentials | None]:
    url = as_text(_url(row))
    match kind:
        case "http" | "keyword":
            return _page(row, kind, url, notes)
        case "port":
            number = as_number(row.get("port")) or PORTS.get(as_text(row.get("sub_type")))
            if not number or number != int(number):
                raise Refused("it has no port")
            return {"tcp": {"host": url.rpartition("://")[2].rstrip("/"), "port": int(number)}}, None
        case "heartbeat":
            seconds = as_number(row.get("interval"))
            if not seconds:
                raise Refused("it has no interval within which to expect a call")
            notes.change("it has to call another address, which `quivive apply` prints")
            grace = max(as_number(row.get("grace_period")) or 0, 60)
            return {"heartbeat": {"period": f"{seconds:.0f}s", "grace": f"{grace:.0f}s"}}, None
        case _:
            raise Refused(REFUSALS.get(kind, f"Quivive has no check of type {kind[:30]!r}"))


def _page(row: Mapping[str, Any], kind: str, url: str, notes: Notes) -> tuple[dict[str, Any], Credentials | None]:
    if not url:
        raise Refused("it has no URL")
    check: dict[str, Any] = {"url": url if "://" in url else f"https://{url}"}
    expect: dict[str, Any] = {}
    method = as_text(row.get("http_method") or row.get("http_method_type")).upper()
    method = METHODS.get(method, method) or "GET"
    if method == "HEAD":
        # Its way to save traffic; a page that is broken behind a good status is seen by GET only.
        notes.remark("HEAD requests become GET, which sees the page")
    elif method != "GET":
        check["method"] = method
        if as_text(row.get("post_value") or row.get("post_value_data")) not in ("", "{}", "None"):
            notes.change("the body that it posts is not taken over: see `body`")
    if kind == "keyword":
        _keyword(row, expect, notes)
    if statuses := statuses_of(_statuses(row), notes):
        expect["status"] = statuses
    headers = row.get("custom_http_headers")
    kept, credentials = headers_of(headers if isinstance(headers, dict) else {}, notes)
    if kept:
        check["headers"] = kept
    if (user := as_text(row.get("http_username"))) and as_text(row.get("auth_type")).upper() != "NONE":
        credentials = Credentials(as_text(row.get("http_password")), user)
    if as_flag(row.get("ignore_ssl_errors")):
        notes.change("its certificate is verified (was ignored)")
    if as_number(row.get("response_time_threshold")):
        notes.change("a threshold of response time only warned: see `max_latency`, which counts slow as down")
    return {**check, **({"expect": expect} if expect else {})}, credentials


def _keyword(row: Mapping[str, Any], expect: dict[str, Any], notes: Notes) -> None:
    text = as_text(row.get("keyword_value") or row.get("keyword"))
    if not text:
        notes.change("no keyword is given: only the status counts")
        return
    alert = as_text(row.get("keyword_type")).lower()
    # It says when to alert: a keyword that exists is what must not be there.
    expect["body_excludes" if KEYWORD_TYPES.get(alert, alert) == "exists" else "body_contains"] = text
    if as_text(row.get("keyword_case_type")) == "1":
        notes.change("upper and lower case of the keyword count")


def _statuses(row: Mapping[str, Any]) -> list[object]:
    """Version 3 lists good ones; version 2 says `404:1_500:0`, 1 for good, which are added to the usual ones."""
    listed = row.get("success_http_response_codes")
    if isinstance(listed, list):
        return ["2xx"] if sorted(map(str, listed)) == ["2xx", "3xx"] else listed
    pairs = [part.partition(":") for part in as_text(row.get("custom_http_statuses")).split("_") if ":" in part]
    good: list[object] = [status for status, _, up in pairs if up == "1"]
    return ["200-299", *good] if good else []


def _url(row: Mapping[str, Any]) -> object:
    return next((row[key] for key in ("url", "url_ip", "url_or_ip", "monitor_url", "ip") if row.get(key)), "")


def _tags(row: Mapping[str, Any]) -> list[str]:
    tags = row.get("tags") or row.get("tag_names") or row.get("tag") or []
    if isinstance(tags, str):
        return [tag.strip() for tag in tags.replace(";", ",").split(",") if tag.strip()]
    if not isinstance(tags, list):
        return []
    return [text for tag in tags if (text := as_text(tag.get("name") if isinstance(tag, dict) else tag))]
