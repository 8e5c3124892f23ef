"""What the sources have in common: intervals, timeouts, headers, statuses and signing in, bent to what we can do."""

import base64
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta

from quivive.configuration.durations import format_duration
from quivive.importing.monitors import Credentials, Notes, as_number, as_text

SHORTEST, LONGEST = timedelta(seconds=10), timedelta(days=1)
LONGEST_TIMEOUT = timedelta(seconds=120)
USUAL_TIMEOUT = timedelta(seconds=10)

_SECRET_HEADER = re.compile(r"cookie|api-?key|token|secret|passw|signature|auth", re.IGNORECASE)
_OWN_HEADERS = ("content-length", "transfer-encoding", "connection", "host")


def interval_of(seconds: object, notes: Notes) -> timedelta | None:
    """How often to look; None, the plan's, where nothing usable is said."""
    number = as_number(seconds)
    if number is None or number <= 0:
        notes.change(f"interval {as_text(seconds) or 'missing'}: the plan's instead")
        return None
    wanted = timedelta(milliseconds=round(number * 1000))
    taken = min(max(timedelta(seconds=max(round(number), 1)), SHORTEST), LONGEST)
    if taken != wanted:
        notes.change(f"interval {format_duration(wanted)} -> {format_duration(taken)}")
    return taken


def timeout_of(seconds: object, interval: timedelta | None, notes: Notes) -> timedelta | None:
    """One deadline over an attempt; None for the usual one."""
    number = as_number(seconds)
    if number is None or number <= 0:
        return None
    wanted = timedelta(milliseconds=round(number * 1000))
    taken = min(max(wanted, timedelta(milliseconds=100)), LONGEST_TIMEOUT)
    if interval is not None and taken > max(interval, USUAL_TIMEOUT):
        taken = interval
    if taken != wanted:
        notes.change(f"timeout {format_duration(wanted)} -> {format_duration(taken)}")
    return None if taken == USUAL_TIMEOUT else taken


def statuses_of(accepted: Iterable[object], notes: Notes) -> list[int | str]:
    """Accepted statuses as ours are written; nothing for 200 to 299, which is what we take unless told otherwise."""
    kept: list[int | str] = []
    for item in accepted:
        text = as_text(item).lower()
        if re.fullmatch(r"[1-5]xx", text):
            kept.append(text)
        elif match := re.fullmatch(r"(\d{1,4})(?:\s*-\s*(\d{1,4}))?", text):
            first, last = int(match[1]), int(match[2] or match[1])
            if last < 100 or first > 599 or first > last:
                notes.change(f"status {text} does not exist and is left out")
                continue
            if (clipped := (max(first, 100), min(last, 599))) != (first, last):
                notes.change(f"status {text} -> {clipped[0]}-{clipped[1]}")
            kept.append(clipped[0] if clipped[0] == clipped[1] else f"{clipped[0]}-{clipped[1]}")
        elif text:
            notes.change(f"status {text[:20]!r} cannot be read and is left out")
    kept = list(dict.fromkeys(kept))
    return [] if kept in (["200-299"], ["2xx"]) else kept[:50]


def headers_of(headers: Mapping[str, object], notes: Notes) -> tuple[dict[str, str], Credentials | None]:
    """Headers to send, and what `Authorization` said. Those that may hold a secret are not written down, and pause the site."""
    kept: dict[str, str] = {}
    credentials = None
    for key, value in headers.items():
        name, content = as_text(key), as_text(value)
        if name.lower() == "authorization" and (found := _authorization(content)):
            credentials = found
        elif name.lower() in _OWN_HEADERS:
            notes.change(f"header {name} is the agent's own and is left out")
        elif name.lower() == "user-agent":
            notes.change("the agent's own User-Agent is sent")
        elif _SECRET_HEADER.search(name):
            notes.paused = True
            notes.change(f"paused: header {name[:60]} may hold a secret and is left out; see `auth`")
        elif name:
            kept[name] = content
    return kept, credentials


def _authorization(content: str) -> Credentials | None:
    scheme, _, rest = content.partition(" ")
    if scheme.lower() == "bearer" and rest.strip():
        return Credentials(rest.strip())
    if scheme.lower() == "basic":
        try:
            user, colon, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except ValueError:
            return None
        if colon and user:
            return Credentials(password, user)
    return None
