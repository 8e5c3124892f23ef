"""How results are stored: chosen once, at the first migration, and what became of the server since."""

from dataclasses import dataclass, replace

import psycopg

CHOSEN = "SELECT partitions, upkeep, timescaledb_version, timescaledb_license FROM quivive.storage"
PRESENT = (
    "SELECT (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),"
    " current_setting('timescaledb.license', true)"
)


class Unusable(Exception):
    """The server can no longer read what is stored on it; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The two switches, and the extension they were chosen under."""

    partitions: str
    """`hypertable` or `native`"""
    upkeep: str
    """`policies` of TimescaleDB, or `jobs` of the aggregator."""
    timescaledb_version: str | None
    timescaledb_license: str | None

    def __str__(self) -> str:
        if self.partitions == "native":
            return "native partitions, kept by our jobs"
        kept = "compressed and kept by its policies" if self.upkeep == "policies" else "kept by our jobs"
        return f"a hypertable on TimescaleDB {self.timescaledb_version} ({self.timescaledb_license} licence), {kept}"


def read(connection: psycopg.Connection) -> tuple[Storage, str | None]:
    """What was chosen, with the extension's present version, and what has changed since if it matters. Raises Unusable."""
    chosen = connection.execute(CHOSEN).fetchone()
    present = connection.execute(PRESENT).fetchone()
    assert chosen is not None
    assert present is not None
    storage = Storage(*chosen)
    news = compare(storage, *present)
    return replace(storage, timescaledb_version=present[0], timescaledb_license=present[1]), news


def compare(storage: Storage, version: str | None, licence: str | None) -> str | None:
    """What the server has gained or lost since the choice, in words for the operator. Raises Unusable."""
    if storage.partitions == "hypertable" and version is None:
        raise Unusable("results are in a hypertable, but the server has lost TimescaleDB: install it again")
    if storage.upkeep == "policies" and licence != "timescale":
        raise Unusable(
            "results are compressed by TimescaleDB's Community edition, which this server no longer runs: "
            "set timescaledb.license = 'timescale' and install that edition again"
        )
    if storage.partitions == "native" and version is not None:
        return (
            "the database has gained TimescaleDB; results stay in native partitions. "
            "To use it, restore a dump of the data into a database migrated with the extension"
        )
    if storage.partitions == "hypertable" and storage.upkeep == "jobs" and licence == "timescale":
        return "the server has gained the Community licence; our jobs go on, nothing is compressed"
    return None
