"""What is wrong with a configuration, and where."""

import re
from dataclasses import dataclass

ValuePath = tuple[str | int, ...]
"""From the root to a value: ("sites", 3, "customer")."""

_STEP = re.compile(r"\[(\d+)\]|\.?([^.\[\]]+)")


def format_path(path: ValuePath) -> str:
    """`sites[3].customer`"""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def parse_path(text: str) -> ValuePath:
    """The inverse, for the field names in a server's answer."""
    return tuple(int(index) if index else key for index, key in _STEP.findall(text))


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct. `line` counts from 1; it and `file` are absent for what did not come from a file."""

    path: ValuePath
    message: str
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = [self.file, None if self.line is None else str(self.line)]
        where = ":".join(part for part in place if part)
        return ": ".join(part for part in (where, format_path(self.path), self.message) if part)


class ConfigurationError(Exception):
    """A configuration that was refused, with every problem that was found."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
