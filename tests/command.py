"""The `quivive` command against an api in a process of its own, on a real database and broker."""

import io
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import grpc

START_WITHIN_S = 60
WITHIN_S = 60


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@dataclass
class Server:
    """An api, and its operator's token in a file."""

    address: str
    token_file: Path
    database_url: str
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "api"], env=self.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + START_WITHIN_S
        with grpc.insecure_channel(self.address) as channel:
            ready = grpc.channel_ready_future(channel)
            while not ready.done():
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, "the api does not answer"
                with suppress(grpc.FutureTimeoutError):
                    ready.result(0.1)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(WITHIN_S)

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(WITHIN_S) == 0, self.log.read_text()


@contextmanager
def running_server(database_url: str, nats_url: str, folder: Path) -> Iterator[Server]:
    """An api on free ports; the database has its schema already."""
    token_file = folder / "token"
    token_file.write_text(f"{secrets.token_urlsafe(32)}\n")
    token_file.chmod(0o600)
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QUIVIVE_")} | {
        "QUIVIVE_DATABASE_URL": database_url,
        "QUIVIVE_NATS_URL": nats_url,
        "QUIVIVE_BIND": "127.0.0.1",
        "QUIVIVE_GRPC_PORT": str(port),
        "QUIVIVE_HTTP_PORT": "0",
        "QUIVIVE_HEARTBEAT_KEY": "a key for the addresses of jobs",
        "QUIVIVE_OPERATOR_TOKEN_FILE": str(token_file),
    }
    server = Server(f"127.0.0.1:{port}", token_file, database_url, environment, folder / "api.log")
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run_here(arguments: Sequence[str], environment: Mapping[str, str]) -> Ran:
    """The command in this process, in that environment without what is empty; nobody types into it."""
    from quivive.cli import main

    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, {name: value for name, value in environment.items() if value}, clear=True),
        mock.patch.object(sys, "argv", ["quivive", *arguments]),
        mock.patch.object(sys, "stdin", io.StringIO()),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
            code: Any = 0
        except SystemExit as end:
            code = end.code
    return Ran(code or 0, out.getvalue(), err.getvalue())


class Command:
    """`quivive` in this process: what a shell would call, without the second that an interpreter takes to start."""

    def __init__(self, server: Server, home: Path, **environment: str) -> None:
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("QUIVIVE_")} | {
            "XDG_CONFIG_HOME": str(home),
            "QUIVIVE_SERVER": server.address,
            "QUIVIVE_TOKEN_FILE": str(server.token_file),
            "QUIVIVE_TRACEBACK": "1",
            **environment,
        }

    def run(self, *arguments: str, **environment: str) -> Ran:
        """Its exit code and what it printed."""
        return run_here(arguments, self.environment | environment)

    def __call__(self, *arguments: str) -> str:
        ran = self.run(*arguments)
        assert ran.code == 0, ran.err
        return ran.out

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--output", "json"))

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """In a process of its own, killed at the end; its stdout is to be read."""
        with subprocess.Popen(
            [sys.executable, "-c", "from quivive.cli import main; main()", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()
