"""Real servers for the tests, each in a directory of its own, started through the modules of `quivive up`."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from signal import Signals
from typing import Self

import psycopg

from quivive.embedded import broker, database
from quivive.embedded.places import Places
from quivive.embedded.programs import Program, Server, command

START_WITHIN_S = 30.0
TIMESCALE_FOLDER = Path(__file__).resolve().parent.parent / ".cache" / "timescaledb"
"""A Debian with PostgreSQL and TimescaleDB in it, as `make timescaledb` lays it down."""


class Unavailable(Exception):
    """A server that some tests need cannot run here; the text says why, and the command that helps."""


class RunningServer:
    """One server process: `start`, `stop`, `kill` (as by kill -9), and `start` again on the same port and data."""

    def __init__(self, root: Path, of: Callable[[Places], Server]):
        root.mkdir(parents=True, exist_ok=True)
        # PostgreSQL may have to run as another user, who has to get in.
        root.chmod(0o711)
        self.root = root
        self.server = of(Places(root))
        self.server.make()
        self.log = root / "server.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> Self:
        assert self.process is None
        with self.log.open("ab") as log:
            arguments, keywords = command(self.server.program)
            self.process = subprocess.Popen(arguments, stdout=log, stderr=log, **keywords)
        deadline = time.monotonic() + START_WITHIN_S
        while not self.server.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.server.program.name} did not start:\n{self.log.read_text('utf-8')}")
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        self._end(self.server.program.stop_signal)

    def kill(self) -> None:
        self._end(Signals.SIGKILL)

    def _end(self, signal: Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class NatsServer(RunningServer):
    """A broker with JetStream."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, broker.server)


class PostgresServer(RunningServer):
    """A PostgreSQL of its own, with the settings that `quivive up` uses."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, database.server)


class TimescaleServer(RunningServer):
    """PostgreSQL with TimescaleDB, in the folder of `make timescaledb`. Raises Unavailable."""

    def __init__(self, **settings: str) -> None:
        """`settings` come on top of what suits a test."""
        if not (TIMESCALE_FOLDER / ".complete").exists():
            raise Unavailable("no TimescaleDB: run `make timescaledb`, or name a server in QUIVIVE_TEST_DATABASE_URL")
        if os.geteuid() != 0:
            raise Unavailable(
                "TimescaleDB in .cache/timescaledb needs root; name a server in QUIVIVE_TEST_DATABASE_URL"
            )
        self._settings = settings
        self.home = Path(tempfile.mkdtemp(prefix="quivive-", dir=TIMESCALE_FOLDER.resolve() / "tmp"))
        super().__init__(self.home, self._server)

    def _server(self, places: Places) -> Server:
        data = Path("/") / self.home.relative_to(TIMESCALE_FOLDER.resolve()) / "data"
        port, password = places.port("postgres"), places.secret("postgres")
        settings = {
            "shared_preload_libraries": "timescaledb",
            "timescaledb.telemetry_level": "off",
            "unix_socket_directories": "",
            "fsync": "off",
            "timezone": "UTC",
            "max_connections": "40",
            **self._settings,
        }
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        program = Program(
            name="timescaledb",
            argv=(*self._inside("postgres"), "-D", str(data), "-p", str(port), *flags),
            environment=INSIDE,
            stop_signal=Signals.SIGINT,
        )
        url = f"postgresql://{database.USER}:{password}@127.0.0.1:{port}/{database.DATABASE}"
        return Server(program, url, lambda: self._make(data, password), lambda: database.has_database(url))

    def _make(self, data: Path, password: str) -> None:
        password_file = self.home / "password"
        password_file.write_text(password, "utf-8")
        owner = (TIMESCALE_FOLDER / "var/lib/postgresql").stat()
        for path in (self.home, password_file):
            os.chown(path, owner.st_uid, owner.st_gid)
        subprocess.run(
            [
                *(*self._inside("initdb"), "-D", str(data), "-U", database.USER, "--no-sync"),
                *("--auth", "scram-sha-256", "--pwfile", str(data.with_name("password")), "--encoding", "UTF8"),
                *("--locale-provider", "builtin", "--locale", "C.UTF-8"),
            ],
            env=INSIDE,
            check=True,
            capture_output=True,
        )

    @staticmethod
    def _inside(name: str) -> tuple[str, ...]:
        """The command that runs a PostgreSQL program inside the folder, as its own user, and ends it when we die."""
        (binaries,) = (TIMESCALE_FOLDER / "usr/lib/postgresql").iterdir()
        path = Path("/") / binaries.relative_to(TIMESCALE_FOLDER) / "bin" / name
        become = ("/usr/bin/setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups")
        return ("/usr/sbin/chroot", str(TIMESCALE_FOLDER), *become, "--pdeathsig", "INT", str(path))

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.home)


INSIDE = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
"""The environment in the folder."""


def server_version(connection: psycopg.Connection) -> str:
    """The server in words: "PostgreSQL 17.6 with TimescaleDB 2.19.3"."""
    row = connection.execute(
        "SELECT current_setting('server_version'), current_setting('shared_preload_libraries'), "
        "(SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb')"
    ).fetchone()
    assert row is not None
    version, preloaded, timescale = row
    text = f"PostgreSQL {version.split()[0]}"
    return f"{text} with TimescaleDB {timescale}" if timescale and "timescaledb" in preloaded else text
