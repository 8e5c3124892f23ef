"""The embedded database to files and back, by PostgreSQL's own programs."""

import os
import subprocess
from pathlib import Path

from psycopg import conninfo

from quivive.embedded.database import binaries
from quivive.embedded.supervise import Failed


def save(url: str, dump: Path, roles: Path) -> None:
    """One consistent state of the database, compressed; and the server's roles. Raises Failed."""
    _run(url, "pg_dump", "--format", "custom", "--file", str(dump))
    _run(url, "pg_dumpall", "--roles-only", "--database", _database(url), "--file", str(roles))


def load(url: str, dump: Path, roles: Path) -> None:
    """Fill an empty database, all or nothing. Raises Failed."""
    # Our own role is there already: that its line fails is as it should be.
    _run(url, "psql", "--quiet", "--no-psqlrc", "--file", str(roles))
    _run(url, "pg_restore", "--exit-on-error", "--single-transaction", "--dbname", _database(url), str(dump))


def _database(url: str) -> str:
    return str(conninfo.conninfo_to_dict(url)["dbname"])


def _run(url: str, program: str, *arguments: str) -> None:
    parts = {name: str(value) for name, value in conninfo.conninfo_to_dict(url).items()}
    done = subprocess.run(
        [str(binaries() / program), *arguments],
        # Not among the arguments, where everybody on the machine could read the password.
        env={
            "PATH": os.environ.get("PATH", ""),
            "LC_ALL": "C.UTF-8",
            "PGHOST": parts["host"],
            "PGPORT": parts["port"],
            "PGUSER": parts["user"],
            "PGPASSWORD": parts["password"],
            "PGDATABASE": parts["dbname"],
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"{program} failed: {' '.join(done.stderr.split())[:2000]}")
