"""TimescaleDB's Community edition as WebAssembly: one process, one connection at a time, no workers, and COPY ends it."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import psycopg
from servers import Unavailable

from quivive import sql

FOLDER = Path(__file__).resolve().parent.parent / ".cache" / "community"
MIGRATIONS = files("aggregator") / "sql" / "migrations"


@contextmanager
def community() -> Iterator[psycopg.Connection]:
    """The one connection to a new, migrated database, in autocommit. Raises Unavailable."""
    if not (FOLDER / ".complete").exists():
        raise Unavailable("no Community edition: run `make community`")
    if shutil.which("node") is None:
        raise Unavailable("node is missing: apt-get install nodejs npm")
    server = subprocess.Popen(
        ["node", "serve.mjs"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        if not port.isdecimal():
            raise RuntimeError("the Community edition did not start")
        url = f"postgresql://postgres:any@127.0.0.1:{port}/postgres?sslmode=disable"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
            _migrate(connection)
            yield connection
    finally:
        server.kill()
        server.communicate()


def community_version(connection: psycopg.Connection) -> str:
    """The server in words."""
    row = connection.execute(
        "SELECT current_setting('server_version'), extversion FROM pg_extension WHERE extname = 'timescaledb'"
    ).fetchone()
    assert row is not None
    return f"PostgreSQL {row[0].split()[0]} with TimescaleDB {row[1]}, Community edition, as WebAssembly"


def _migrate(connection: psycopg.Connection) -> None:
    """As the migration does, which needs more than one connection."""
    for path in sorted(MIGRATIONS.iterdir(), key=lambda path: path.name):
        if path.name.endswith(".sql"):
            connection.execute(path.read_text("utf-8").encode())
    connection.execute("SELECT quivive.grant_roles()")


def sections() -> dict[str, dict[str, str]]:
    """Every named statement of the services, by file."""
    found = {}
    for package, folder in (("aggregator", "sql/"), ("api.sql", "")):
        for path in sorted(
            (files(package) / folder).iterdir() if folder else files(package).iterdir(), key=lambda p: p.name
        ):
            if path.name.endswith(".sql"):
                found[f"{package.split('.')[0]}/sql/{path.name}"] = dict(sql.load(package, f"{folder}{path.name}"))
    return found
