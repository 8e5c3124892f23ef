"""Durations as people write them: `30s`, `3min`, `1h30min`. A number without a unit is refused."""

import re
from datetime import timedelta
from decimal import Decimal

UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "min": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,3})?) ?([a-z]+)")
_MICROSECOND = timedelta(microseconds=1)


def parse_duration(value: object) -> timedelta:
    """Read `1h30min` and the like; units d, h, min, s, ms, each once, in this order. ValueError says what to write."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("must be a duration such as 30s, 3min or 1h30min")
    text = str(value).strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        raise ValueError(f"{text} has no unit, write {text}s")
    parts: list[tuple[str, str]] = []
    end = 0
    for match in _PART.finditer(text):
        if match.start() != end:
            break
        parts.append((match[1], match[2]))
        end = match.end()
    if end != len(text) or not parts:
        raise ValueError(f"{text!r} is not a duration such as 30s, 3min or 1h30min")
    order = list(UNITS)
    total_us = Decimal(0)
    previous = -1
    for number, unit in parts:
        if unit == "m":
            raise ValueError(f"{text!r}: m could be minutes or months, write min")
        if unit not in UNITS:
            raise ValueError(f"{text!r} has an unknown unit {unit}; there are {', '.join(order)}")
        if order.index(unit) <= previous:
            raise ValueError(f"{text!r} must name each unit once, the largest first")
        previous = order.index(unit)
        total_us += Decimal(number) * (UNITS[unit] // _MICROSECOND)
    return timedelta(microseconds=int(total_us))


def format_duration(value: timedelta) -> str:
    """The shortest text that `parse_duration` reads back to the same value. Whole milliseconds; never negative."""
    rest = value
    text = ""
    for unit, size in UNITS.items():
        if unit == "d" and rest % size:
            continue  # 36h, not 1d12h: days only where they are whole
        count, rest = divmod(rest, size)
        if count:
            text += f"{count}{unit}"
    return text or "0s"
