"""A program to run beside us: what, how it is told to stop, and what becomes of it when we die."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from signal import Signals
from typing import Any

LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Program:
    """`argv` starts with an absolute path; `environment` is all that it gets to see."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    stop_signal: Signals = Signals.SIGTERM
    hasten_signal: Signals = Signals.SIGKILL
    """For when it did not stop in time, or the user would not wait."""
    stop_within: timedelta = timedelta(seconds=8)
    orphan_signal: Signals = Signals.SIGKILL
    """Sent by the kernel when we die without stopping it."""
    identity: tuple[str, ...] = field(default=())
    """The launcher's flags for a program that refuses to be root."""
    shown: re.Pattern[str] | None = None
    """The lines worth showing; all of them when None."""
    lock: Path | None = None
    """Held for as long as the program or a child of it lives; a new start waits for it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A program that others connect to."""

    program: Program
    url: str
    """With the password."""
    make: Callable[[], None]
    """Makes its configuration and, the first time, its data; blocks."""
    is_ready: Callable[[], bool]
    """Blocks for at most a few seconds."""


def command(program: Program) -> tuple[list[str], dict[str, Any]]:
    """Arguments and keywords for subprocess. Start it from the main thread: it dies with the thread that started it."""
    arguments = [
        *(sys.executable, "-I", "-S", str(LAUNCHER)),
        *("--parent", str(os.getpid()), "--orphan-signal", str(int(program.orphan_signal))),
        *(("--lock", str(program.lock)) if program.lock else ()),
        *(*program.identity, "--", *program.argv),
    ]
    # A group of its own: a terminal's Ctrl-C is for us alone, we stop the programs in order.
    return arguments, {"env": dict(program.environment), "stdin": subprocess.DEVNULL, "process_group": 0}
