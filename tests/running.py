"""`quivive up` as the tests run it: the real command, in a directory of its own, on free ports."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import psutil
import psycopg

from quivive.embedded.places import free_port

T = TypeVar("T")
COMMAND = Path(sys.executable).with_name("quivive")
MARK = "QUIVIVE_TEST_RUN"
UP_WITHIN_S = 60.0
STOP_WITHIN_S = 40.0
POLL_S = 0.05


def wait_for(condition: Callable[[], T], what: str, within_s: float = 30.0) -> T:
    """The first true value of `condition`; AssertionError naming `what` when there is none in time."""
    deadline = time.monotonic() + within_s
    while True:
        if value := condition():
            return value
        assert time.monotonic() < deadline, f"{what}: not within {within_s:.0f} s"
        time.sleep(POLL_S)


class Quivive:
    """One `quivive up`; started again after a stop it finds its data and ports again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data_dir = root / "data"
        self.config = root / "quivive.yaml"
        self.log = root / "up.log"
        self.grpc_port, self.http_port = free_port(), free_port()
        self.environment: dict[str, str] = {}
        """On top of ours."""
        self._mark = uuid4().hex
        self._process: subprocess.Popen[bytes] | None = None

    # Running

    def start(self, *flags: str, configuration: str | None = None) -> "Quivive":
        """Start it and wait until everything is up."""
        self.launch(*flags, configuration=configuration)
        wait_for(lambda: self._says("is up,"), "quivive up", UP_WITHIN_S)
        return self

    def launch(self, *flags: str, configuration: str | None = None) -> subprocess.Popen[bytes]:
        """Start it and wait for nothing."""
        assert self._process is None
        if configuration is not None:
            self.config.write_text(configuration, "utf-8")
        config = ("--config", str(self.config)) if self.config.exists() else ()
        ports = ("--grpc-port", str(self.grpc_port), "--http-port", str(self.http_port))
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [COMMAND, "up", "--data-dir", self.data_dir, *ports, *config, *flags],
                env={**os.environ, MARK: self._mark, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self._process

    def wait_for_first_result(self, within_s: float = 30.0) -> float:
        """Seconds from the start to the first stored result, by its own account."""
        words = wait_for(lambda: self._says("first result stored"), "first result stored", within_s).split()
        return float(words[words.index("s") - 1])

    def stop(self, signal_: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and make sure that nothing is left; its exit code."""
        assert self._process is not None
        process, self._process = self._process, None
        process.send_signal(signal_)
        try:
            code = process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"did not stop on {signal_.name}:\n{self.log_text()[-3000:]}") from None
        self.assert_nothing_left()
        return code

    def kill(self) -> None:
        """End the supervisor as by kill -9."""
        assert self._process is not None
        process, self._process = self._process, None
        process.kill()
        process.wait()

    def close(self) -> None:
        """Stop it if it runs."""
        if self._process is not None:
            self.stop()

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    # Looking

    def log_text(self) -> str:
        """What it wrote since its last start."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode("utf-8", errors="replace")

    def _says(self, words: str) -> str | None:
        assert self.runs, f"quivive up ended:\n{self.log_text()[-5000:]}"
        return next((line for line in self.log_text().splitlines() if words in line), None)

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the `quivive` command against it."""
        done = subprocess.run(
            [COMMAND, *arguments],
            env={
                **os.environ,
                **self.environment,
                "QUIVIVE_SERVER": f"127.0.0.1:{self.grpc_port}",
                "QUIVIVE_DATA_DIR": str(self.data_dir),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert not check or done.returncode == 0, f"quivive {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done

    def json(self, *arguments: str) -> Any:
        """What a reading command prints with `--output json`."""
        return json.loads(self.cli(*arguments, "--output", "json").stdout)

    def database(self) -> psycopg.Connection:
        """A connection to its database, in autocommit mode."""
        port = json.loads((self.data_dir / "ports.json").read_text("utf-8"))["postgres"]
        password = json.loads((self.data_dir / "secrets.json").read_text("utf-8"))["postgres"]
        return psycopg.connect(
            host="127.0.0.1", port=port, user="quivive", password=password, dbname="quivive", autocommit=True
        )

    # Its processes

    def process(self, name: str) -> psutil.Process | None:
        """The process that the supervisor calls so (broker, database, api, aggregator, agent-<region>), if it lives now."""
        assert self._process is not None
        for child in psutil.Process(self._process.pid).children():
            try:
                if self._is(name, child.cmdline(), child):
                    return child
            except psutil.NoSuchProcess:
                continue
        return None

    @staticmethod
    def _is(name: str, command: list[str], child: psutil.Process) -> bool:
        if "launch.py" in " ".join(command):  # not yet what it will be
            return False
        if name == "broker":
            return bool(command) and command[0].endswith("nats-server")
        if name == "database":
            return bool(command) and command[0].endswith("/postgres")
        if name.startswith("agent-"):
            return "probe_agent" in command and child.environ().get("QUIVIVE_REGION") == name.removeprefix("agent-")
        return command[1:3] == ["-m", name]

    def kill_process(self, name: str) -> psutil.Process:
        """kill -9 one of them; the supervisor will start it again."""
        process = wait_for(lambda: self.process(name), name)
        process.kill()
        process.wait(10)
        return process

    def survivors(self) -> list[psutil.Process]:
        """Every process that belongs to this run: by its environment, its command line or its working directory."""
        found = []
        for process in psutil.process_iter():
            try:
                mine = (
                    process.environ().get(MARK) == self._mark
                    or any(str(self.data_dir) in word for word in process.cmdline())
                    or process.cwd().startswith(str(self.data_dir))
                )
                if mine and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
                continue
        return found

    def assert_nothing_left(self, within_s: float = 0.0) -> None:
        """AssertionError with what is still there after so long."""
        deadline = time.monotonic() + within_s
        while left := self.survivors():
            assert time.monotonic() < deadline, f"still there: {left}"
            time.sleep(POLL_S)


def local_environment(trusted: Path, **more: str) -> Mapping[str, str]:
    """What lets the agents look at sites on this machine, often, and trust a private authority."""
    return {
        "SSL_CERT_FILE": str(trusted),
        "QUIVIVE_ALLOW_TARGETS": "127.0.0.0/8,::1/128",
        "QUIVIVE_MIN_INTERVAL": "1s",
        "QUIVIVE_REFERENCES": "",
        **more,
    }
