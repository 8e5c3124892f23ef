"""The supervisor with real processes: small Python programs that live, die and refuse to stop."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from quivive.embedded.lines import Console
from quivive.embedded.programs import Program, command
from quivive.embedded.supervise import Failed, Stage, Supervisor, pause_s

WITHIN = timedelta(seconds=20)


def program(name: str, code: str, **more: object) -> Program:
    return Program(name, (sys.executable, "-c", code), dict(os.environ), **more)  # type: ignore[arg-type]


LIVES = "import os, sys, time; print('pid', os.getpid(), flush=True); time.sleep(600)"


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def supervisor(output: io.StringIO) -> Supervisor:
    return Supervisor(Console(output))


def pids(output: io.StringIO, name: str) -> list[int]:
    lines = output.getvalue().splitlines()
    return [int(line.split()[-1]) for line in lines if line.startswith(name) and " pid " in line]


async def until(condition: Callable[[], object], within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.02)


async def test_each_line_stands_behind_the_name_of_its_program(supervisor: Supervisor, output: io.StringIO) -> None:
    await supervisor.run_once(program("one", "print('a'); print('b', end='')"))
    assert output.getvalue() == "one            | a\none            | b\n"


async def test_what_dies_is_started_again(supervisor: Supervisor, output: io.StringIO) -> None:
    await supervisor.start(Stage.AGENTS, program("one", LIVES))
    await until(lambda: len(pids(output, "one")) == 1)
    os.kill(pids(output, "one")[0], signal.SIGKILL)
    await until(lambda: len(pids(output, "one")) == 2)
    assert "killed by SIGKILL, starting again in 0.2 s" in output.getvalue()
    await supervisor.stop()
    assert not psutil.pid_exists(pids(output, "one")[1])


def test_the_pause_doubles_up_to_ten_seconds() -> None:
    assert [pause_s(deaths) for deaths in (1, 2, 3, 6, 7, 100)] == [0.2, 0.4, 0.8, 6.4, 10.0, 10.0]


async def test_all_stop_in_the_reverse_order(supervisor: Supervisor, output: io.StringIO) -> None:
    says = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye', flush=True), sys.exit()))\n"
        "print('there', flush=True)\n"
        "time.sleep(600)"
    )
    # Agents are stopped first, whenever they were started.
    for stage, name in ((Stage.API, "second"), (Stage.AGENTS, "third"), (Stage.SERVERS, "first")):
        await supervisor.start(stage, program(name, says))
        await until(lambda name=name: f"{name.ljust(14)} | there" in output.getvalue())
    await supervisor.stop()
    farewells = [line.split()[0] for line in output.getvalue().splitlines() if line.endswith("bye")]
    assert farewells == ["third", "second", "first"]


async def test_what_does_not_stop_is_ended(supervisor: Supervisor, output: io.StringIO) -> None:
    stubborn = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('pid', os.getpid(), flush=True); time.sleep(600)"
    )
    await supervisor.start(Stage.AGENTS, program("stubborn", stubborn, stop_within=timedelta(seconds=0.3)))
    await until(lambda: pids(output, "stubborn"))
    await supervisor.stop()
    assert "did not stop on SIGTERM" in output.getvalue()
    assert not psutil.pid_exists(pids(output, "stubborn")[0])


async def test_a_second_signal_hastens_the_stop(supervisor: Supervisor, output: io.StringIO) -> None:
    stubborn = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('pid', os.getpid(), flush=True); time.sleep(600)"
    )
    await supervisor.start(Stage.AGENTS, program("stubborn", stubborn, stop_within=timedelta(seconds=300)))
    await until(lambda: pids(output, "stubborn"))
    stopping = asyncio.create_task(supervisor.stop())
    supervisor.hurry.set()
    await asyncio.wait_for(stopping, 20)
    assert not psutil.pid_exists(pids(output, "stubborn")[0])


async def test_what_finds_something_to_correct_ends_everything(supervisor: Supervisor) -> None:
    await supervisor.start(Stage.AGENTS, program("picky", "import sys; sys.exit(2)"))
    with pytest.raises(Failed, match="picky cannot run like this") as failed:
        await asyncio.wait_for(supervisor.watch(), 20)
    assert failed.value.code == 2
    await supervisor.stop()


async def test_a_program_that_is_not_there_is_named(supervisor: Supervisor, output: io.StringIO) -> None:
    await supervisor.start(Stage.AGENTS, Program("lost", ("/nowhere/lost",), {}))
    await until(lambda: "starting again" in output.getvalue())
    assert "/nowhere/lost: [Errno 2] No such file or directory" in output.getvalue()
    await supervisor.stop()


async def test_waiting_for_what_never_gets_ready_ends(supervisor: Supervisor) -> None:
    with pytest.raises(Failed, match="the thing is not ready"):
        await supervisor.until(lambda: False, "the thing", timedelta(seconds=0.1))


async def test_a_stop_during_the_pause_does_not_wait_for_it(supervisor: Supervisor, output: io.StringIO) -> None:
    await supervisor.start(Stage.AGENTS, program("brief", "raise SystemExit(1)"))
    await until(lambda: "starting again in 0.8 s" in output.getvalue())
    before = time.monotonic()
    await supervisor.stop()
    assert time.monotonic() - before < 0.5


def test_nothing_outlives_a_killed_starter(tmp_path: Path) -> None:
    """The kernel tells the programs, whatever becomes of us."""
    starter = (
        "import subprocess, sys, time\n"
        "from quivive.embedded.programs import Program, command\n"
        "program = Program('one', (sys.executable, '-c', 'import time; time.sleep(600)'), {})\n"
        "arguments, keywords = command(program)\n"
        "print(subprocess.Popen(arguments, **keywords).pid, flush=True)\n"
        "time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = psutil.Process(int(process.stdout.readline()))
    process.kill()
    process.wait()
    child.wait(20)


def test_a_new_start_waits_until_the_last_child_of_the_old_one_is_gone(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    fork = "import os, time; os.fork() and os._exit(0); print(os.getpid(), flush=True); time.sleep(600)"
    arguments, keywords = command(program("old", fork, lock=lock))
    old = subprocess.Popen(arguments, stdout=subprocess.PIPE, **keywords)
    assert old.stdout is not None
    survivor = psutil.Process(int(old.stdout.readline()))
    old.wait()
    arguments, keywords = command(program("new", "print('there')", lock=lock))
    new = subprocess.Popen(arguments, stdout=subprocess.PIPE, **keywords)
    with pytest.raises(subprocess.TimeoutExpired):
        new.wait(0.5)
    survivor.kill()
    output, _ = new.communicate(timeout=20)
    assert output == b"there\n"
