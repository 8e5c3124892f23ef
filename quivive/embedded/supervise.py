"""Keeps programs running: starts again what dies, and stops all in order, whoever needs another one before that one.

A program that exits with code 2 in its first life has found something that the user must change: that ends everything. Any other
end is followed by a new start, after 0.2 s at first and up to 10 s; 30 s of life make up for earlier deaths.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from enum import IntEnum
from signal import SIGKILL, Signals

from quivive.embedded.lines import Console, pump
from quivive.embedded.programs import Program, command
from quivive.settings import EXIT_USAGE

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
STEADY_AFTER_S = 30.0
POLL_S = 0.03


class Failed(Exception):
    """A program could not be started; the text is for the user, `code` is our exit code."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def pause_s(deaths: int) -> float:
    """How long to wait before the next start, after so many deaths in a row."""
    return float(min(FIRST_PAUSE_S * 2 ** max(deaths - 1, 0), LONGEST_PAUSE_S))


class Child:
    """One program through its lives."""

    def __init__(self, program: Program, console: Console, hurry: asyncio.Event) -> None:
        self.program = program
        self._console = console
        self._hurry = hurry
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._life: asyncio.Task[None] | None = None
        self.refused = asyncio.Event()
        """It ended with code 2 in its first life."""

    def start(self) -> None:
        self._life = asyncio.create_task(self._live(), name=self.program.name)

    async def _live(self) -> None:
        deaths = lives = 0
        while not self._stopping.is_set():
            lives += 1
            born = time.monotonic()
            code = await self.run_once()
            if self._stopping.is_set():
                return
            if code == EXIT_USAGE and lives == 1:
                self.refused.set()
                return
            deaths = 1 if time.monotonic() - born >= STEADY_AFTER_S else deaths + 1
            pause = pause_s(deaths)
            self._console.write(self.program.name, f"{ending(code)}, starting again in {pause:.1f} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def run_once(self) -> int:
        """One life, from start to end; its exit status."""
        arguments, keywords = command(self.program)
        try:
            process = await asyncio.create_subprocess_exec(
                *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, **keywords
            )
        except OSError as error:
            self._console.write(self.program.name, f"cannot be started: {error}")
            return EXIT_USAGE
        self._process = process
        if self._stopping.is_set():
            self._send(self.program.stop_signal)
        assert process.stdout is not None
        try:
            await pump(process.stdout, self._show)
            return await process.wait()
        finally:
            self._send(SIGKILL)
            self._process = None

    def _show(self, line: str) -> None:
        if self.program.shown is None or self.program.shown.search(line):
            self._console.write(self.program.name, line)

    async def stop(self) -> None:
        """Tell it to stop, insist when it takes too long, end it when that does not help."""
        self._stopping.set()
        if self._life is None:
            return
        patience = self.program.stop_within.total_seconds()
        for signal in (self.program.stop_signal, self.program.hasten_signal, SIGKILL):
            self._send(signal)
            if await self._ended(patience):
                break
            self._console.write(self.program.name, f"did not stop on {signal.name}")
            patience = 5.0
        await self._life

    async def _ended(self, patience: float) -> bool:
        assert self._life is not None
        hurry = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({self._life, hurry}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not self._life.done() and self._hurry.is_set():
            self._send(self.program.hasten_signal)
            await asyncio.wait({self._life}, timeout=2.0)
        return self._life.done()

    def _send(self, signal: Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal)


def ending(code: int) -> str:
    """An exit status in words."""
    return f"exited with code {code}" if code >= 0 else f"killed by {Signals(-code).name}"


class Stage(IntEnum):
    """What leans on what: the later stages are stopped first."""

    SERVERS = 0
    DEMO = 1
    API = 2
    AGGREGATOR = 3
    AGENTS = 4


class Supervisor:
    """The programs that run."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stages: dict[Stage, list[Child]] = {stage: [] for stage in Stage}
        self.hurry = asyncio.Event()
        """Set when the user does not want to wait for an orderly stop."""

    async def start(self, stage: Stage, *programs: Program) -> None:
        """Start these side by side."""
        for program in programs:
            child = Child(program, self._console, self.hurry)
            self._stages[stage].append(child)
            child.start()

    async def until(self, is_ready: Callable[[], bool], what: str, within: timedelta) -> None:
        """Wait for a blocking test to come true. Raises Failed when it does not, or when a program gives up meanwhile."""
        deadline = time.monotonic() + within.total_seconds()
        while not await asyncio.to_thread(is_ready):
            self.check()
            if time.monotonic() > deadline:
                raise Failed(f"{what} is not ready after {within.total_seconds():.0f} s")
            await asyncio.sleep(POLL_S)

    def check(self) -> None:
        """Raises Failed when a program has found something that the user must change."""
        for child in self._children():
            if child.refused.is_set():
                raise Failed(f"{child.program.name} cannot run like this: see its lines above", EXIT_USAGE)

    async def watch(self) -> None:
        """Return never; raise Failed as `check` does."""
        waits = [asyncio.create_task(child.refused.wait()) for child in self._children()]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            self.check()
        finally:
            for wait in waits:
                wait.cancel()

    async def run_once(self, program: Program) -> None:
        """Run a program to its end. Raises Failed when that is not a good one."""
        child = Child(program, self._console, self.hurry)
        code = await child.run_once()
        if code != 0:
            raise Failed(f"{program.name} {ending(code)}", EXIT_USAGE if code == EXIT_USAGE else 1)

    async def stop(self) -> None:
        """Stop everything, a stage after the other."""
        for stage in reversed(Stage):
            await asyncio.gather(*(child.stop() for child in self._stages[stage]))

    def _children(self) -> list[Child]:
        return [child for stage in self._stages.values() for child in stage]
