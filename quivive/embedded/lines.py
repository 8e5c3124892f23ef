"""Everybody's output on one terminal: each line behind the name of the program that wrote it."""

import asyncio
import sys
from collections.abc import Callable
from typing import TextIO

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
NAME_WIDTH = 14
LONGEST_LINE = 64 * 1024


class Console:
    """Prefixed lines on a stream; names are coloured where a person reads them."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._coloured = stream.isatty()
        self._names: list[str] = []

    def write(self, name: str, line: str) -> None:
        if name not in self._names:
            self._names.append(name)
        label = name.ljust(NAME_WIDTH)
        if self._coloured:
            label = f"\x1b[{COLOURS[self._names.index(name) % len(COLOURS)]}m{label}\x1b[0m"
        try:
            self._stream.write(f"{label} | {line}\n")
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            # Whoever read our lines is gone; that is no reason to stop watching sites.
            pass


async def pump(source: asyncio.StreamReader, take: Callable[[str], None]) -> None:
    """Hand over each line until the end; what cannot be decoded is replaced, overlong lines are cut into pieces."""
    rest = b""
    while chunk := await source.read(LONGEST_LINE):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE:
            lines.append(rest)
            rest = b""
        for line in lines:
            take(line.decode("utf-8", errors="replace").rstrip("\r"))
    if rest:
        take(rest.decode("utf-8", errors="replace"))
