"""Small pictures of numbers, for table cells: a mark per value, and colour where a terminal has it."""

import sys
from collections.abc import Sequence

from rich.text import Text

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN_BLOCKS = "_.-=*#"
"""For terminals that have letters only."""
NOTHING = "·"


def availability(ratios: Sequence[float | None]) -> Text:
    """A mark per span, the worse the lower: full above 99.99 %, None is a dot. 95 % and less is the lowest."""
    text = Text()
    marks = _marks()
    for ratio in ratios:
        if ratio is None:
            text.append(NOTHING if marks is BLOCKS else " ", "magenta")
            continue
        height = 1.0 if ratio >= 0.9999 else max(0.0, min((ratio - 0.95) / 0.05, 0.999))
        style = "green" if ratio >= 0.9999 else "yellow" if ratio >= 0.99 else "red"
        text.append(
            marks[round(height * (len(marks) - 1))] if height == 1 else marks[int(height * (len(marks) - 1))], style
        )
    return text


def latency(values: Sequence[float | None]) -> Text:
    """A mark per value, from 0 up to the highest; None, a failure, is a red cross."""
    text = Text()
    marks = _marks()
    highest = max((value for value in values if value is not None), default=0) or 1
    for value in values:
        if value is None:
            text.append("×" if marks is BLOCKS else "x", "bold red")
        else:
            text.append(marks[min(int(value / highest * len(marks)), len(marks) - 1)], "cyan")
    return text


def _marks() -> str:
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return BLOCKS if encoding.startswith("utf") else PLAIN_BLOCKS
