"""Brings the schema up to date, and chooses how results are stored: a hypertable, or native partitions."""

import logging
from importlib.resources import as_file, files

import psycopg
import structlog
from yoyo import get_backend, read_migrations

from aggregator import storage
from aggregator.database import connect_once
from aggregator.storage import Storage, Unusable

log = structlog.get_logger(__name__)
logging.getLogger("yoyo").setLevel(logging.WARNING)

MIGRATION_LOCK = 7_309_940_471_254_851
"""Our own advisory lock: it ends with the session, where a row in a lock table outlives a crash."""
OLDEST_COMMUNITY = (2, 18, 1)
"""Older Community editions lose rows of compressed chunks on ON CONFLICT (timescaledb#7672)."""


class Refused(Exception):
    """The database is not one that we can use; the text says why and what to do."""


def migrate(url: str) -> Storage:
    """Apply what is missing; harmless to repeat and to run twice. Raises Refused and psycopg.Error."""
    with connect_once(url) as lock:
        lock.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        row = lock.execute("SELECT to_regclass('quivive.results') IS NOT NULL").fetchone()
        if row == (False,):
            _try_timescaledb(url)
        with as_file(files("aggregator") / "sql" / "migrations") as folder, get_backend(_yoyo_url(url)) as backend:
            pending = backend.to_apply(read_migrations(str(folder)))
            backend.apply_migrations(pending)
        log.info("schema.migrated", applied=[migration.id for migration in pending])
        lock.execute("SELECT quivive.grant_roles()")
        try:
            chosen, news = storage.read(lock)
        except Unusable as error:
            raise Refused(str(error)) from None
        if news is not None:
            log.warning("storage.changed", stored_in=str(chosen), news=news)
        return chosen


def _yoyo_url(url: str) -> str:
    """The same database for yoyo, which names the driver in the scheme.

    Its own tables stay in `public` even where the user is called quivive, so that its search path begins with our schema.
    """
    rest = url.split("://", 1)[1]
    return f"postgresql+psycopg://{rest}{'&' if '?' in rest else '?'}schema=public"


def _try_timescaledb(url: str) -> None:
    """Create the extension where the server has it ready; otherwise say why there are native partitions."""
    with connect_once(url) as connection:
        row = connection.execute(
            "SELECT default_version, current_setting('shared_preload_libraries') ~ 'timescaledb'"
            " FROM pg_available_extensions WHERE name = 'timescaledb'"
        ).fetchone()
    if row is None:
        log.info("storage.chosen", partitions="native", reason="the server has no TimescaleDB")
        return
    version, preloaded = row
    if not preloaded:
        log.info("storage.chosen", partitions="native", reason="timescaledb is not in shared_preload_libraries")
        return
    # A connection of its own: the extension wants to be created before anything else has touched the session.
    with connect_once(url) as connection:
        try:
            with connection.transaction():
                connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
                row = connection.execute(
                    "SELECT extversion, current_setting('timescaledb.license', true)"
                    " FROM pg_extension WHERE extname = 'timescaledb'"
                ).fetchone()
                assert row is not None
                refuse_old_community(*row)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported) as error:
            reason = error.diag.message_primary
            log.warning("storage.chosen", partitions="native", timescaledb=version, reason=reason)


def refuse_old_community(version: str, licence: str | None) -> None:
    """Raises Refused for a Community edition that loses rows. The Apache edition has no compression to lose them in."""
    numbers = tuple(int(part) for part in version.split("-")[0].split("."))
    if licence == "timescale" and numbers < OLDEST_COMMUNITY:
        raise Refused(
            f"TimescaleDB {version} Community loses rows on conflicting inserts (timescaledb#7672): "
            "upgrade it to 2.18.1 or newer"
        )
