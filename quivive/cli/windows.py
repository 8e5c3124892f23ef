"""The window of an SLA query: a length up to now, two instants, or a calendar month."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from quivive.cli.failures import EXIT_USAGE, Failure

DEFAULT_WINDOW = "30d"


@dataclass(frozen=True, slots=True)
class Window:
    """Either a month, "2026-03", which the server cuts in the customer's zone, or a start; without an end, up to now."""

    start: datetime | None = None
    end: datetime | None = None
    month: str = ""


def parse_window(length: str, start: str, end: str, month: str, now: datetime) -> Window:
    """What the options say, at most one of the three ways; by default the last 30 days. Failure says what to write."""
    from quivive.configuration.durations import parse_duration

    if sum(map(bool, (length, start or end, month))) > 1:
        raise Failure("give one of --window, --start with --end, or --month", EXIT_USAGE)
    if month:
        return Window(month=parse_month(month))
    if start or end:
        if not start:
            raise Failure("--end needs --start", EXIT_USAGE)
        window = Window(start=parse_instant("--start", start), end=parse_instant("--end", end) if end else None)
        if window.start is not None and window.start >= (window.end or now):
            raise Failure("the window's start must lie before its end", EXIT_USAGE)
        return window
    try:
        span = parse_duration(length or DEFAULT_WINDOW)
        if not span:
            raise ValueError("is empty")
        return Window(start=now - span)
    except OverflowError:
        raise Failure(f"--window: {length} is too long", EXIT_USAGE) from None
    except ValueError as error:
        raise Failure(f"--window: {error}", EXIT_USAGE) from None


def parse_month(text: str) -> str:
    """A calendar month such as 2026-03, as it is. Failure for anything else."""
    if not re.fullmatch(r"[12]\d{3}-(0[1-9]|1[0-2])", text):
        raise Failure(f"--month: {text!r} is not a month such as 2026-03", EXIT_USAGE)
    return text


def parse_instant(option: str, text: str) -> datetime:
    """An instant in UTC, which is also what a time without a zone is taken to be in. Failure names the option."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(f"{option}: {text!r} is not a time such as 2026-03-01T00:00:00Z", EXIT_USAGE) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
