"""`quivive backup` and `quivive restore`: a data directory in one file, and back.

The database first, the streams afterwards: whatever the database has not committed at its moment is then still in the streams, and
what both have is stored once, as after a crash.
"""

import asyncio
import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nats
import psycopg
from nats.errors import Error as NatsError

from quivive import __version__, subjects
from quivive.embedded import broker, database, dump, streams
from quivive.embedded.places import Places, write_private
from quivive.embedded.preflight import claim
from quivive.embedded.programs import Server
from quivive.embedded.supervise import Failed
from quivive.embedded.temporary import running
from quivive.evidence.chain import Broken, Head, Verified, verify
from quivive.evidence.stored import read_entries, read_heads
from quivive.settings import EXIT_USAGE

FORMAT = 1
STREAMS = (subjects.RESULTS_STREAM, subjects.EVENTS_STREAM)
DUMP, ROLES, SECRETS, SETTINGS, MANIFEST = "database.dump", "roles.sql", "secrets.json", "local.conf", "manifest.json"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore found in the backup."""

    time: str
    version: str
    chains: list[Verified]


def backup(data_dir: Path, file: Path) -> None:
    """Save everything that cannot be had anew, while `quivive up` runs or not. Raises Failed; then there is no file."""
    if not (data_dir / "postgres" / "PG_VERSION").exists():
        raise Failed(f"{data_dir} has no embedded database: back an external one up by its own means", EXIT_USAGE)
    if file.exists():
        raise Failed(f"{file} exists: give another name", EXIT_USAGE)
    try:
        with tempfile.TemporaryDirectory(prefix=".quivive-backup-", dir=file.resolve().parent) as scratch:
            parts = Path(scratch)
            with _servers(data_dir) as (database_url, nats_url):
                with psycopg.connect(database_url) as connection:
                    # Before the dump, so that all of them have to be in it.
                    heads = [str(head) for head in read_heads(connection)]
                dump.save(database_url, parts / DUMP, parts / ROLES)
                described = asyncio.run(_save_streams(nats_url, parts)) if nats_url else {}
            shutil.copy(data_dir / SECRETS, parts / SECRETS)
            if (data_dir / "postgres" / SETTINGS).exists():
                shutil.copy(data_dir / "postgres" / SETTINGS, parts / SETTINGS)
            manifest = {
                "format": FORMAT,
                "version": __version__,
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
                "heads": heads,
                "streams": described,
                "files": {part.name: _digest(part) for part in sorted(parts.iterdir())},
            }
            write_private(parts / MANIFEST, json.dumps(manifest, indent=1) + "\n")
            _pack(parts, file)
    except OSError as error:
        raise Failed(f"{file}: cannot be written: {error.strerror}", EXIT_USAGE) from None


def restore(file: Path, data_dir: Path) -> Restored:
    """Make a new data directory from a backup and verify its evidence log. Raises Failed; then the directory is as it was."""
    lock = claim(data_dir)
    try:
        for name in ("postgres", "nats"):
            if (data_dir / name).exists():
                raise Failed(f"{data_dir} is in use: give a new --data-dir, or move this one away", EXIT_USAGE)
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=data_dir) as scratch:
            parts = Path(scratch)
            manifest = _unpack(file, parts)
            try:
                return _fill(data_dir, parts, manifest)
            except BaseException:
                for name in ("postgres", "nats"):
                    shutil.rmtree(data_dir / name, ignore_errors=True)
                for name in (SECRETS, "ports.json", "nats.conf", "postgres.lock", "nats.lock"):
                    (data_dir / name).unlink(missing_ok=True)
                raise
    finally:
        os.close(lock)


def _fill(data_dir: Path, parts: Path, manifest: Mapping[str, Any]) -> Restored:
    write_private(data_dir / SECRETS, (parts / SECRETS).read_text("utf-8"))
    places = Places(data_dir)
    with running(_database(places)) as url:
        dump.load(url, parts / DUMP, parts / ROLES)
        with psycopg.connect(url) as connection, closing(read_entries(connection)) as entries:
            try:
                chains = verify(entries, map(Head.parse, manifest["heads"]))
            except Broken as error:
                raise Failed(f"the evidence log in the backup is broken: {error}") from None
    if (parts / SETTINGS).exists():
        # Beside the settings that `make` wrote, and readable by whoever the server runs as.
        shutil.copyfile(parts / SETTINGS, data_dir / "postgres" / SETTINGS)
        own = (data_dir / "postgres" / "PG_VERSION").stat()
        os.chown(data_dir / "postgres" / SETTINGS, own.st_uid, own.st_gid)
    if manifest["streams"]:
        with running(_broker(places)) as url:
            asyncio.run(_load_streams(url, parts, manifest["streams"]))
    return Restored(manifest["time"], manifest["version"], chains)


@contextmanager
def _servers(data_dir: Path) -> Iterator[tuple[str, str | None]]:
    """The URLs of database and broker: of those that run, else of ones that are started for us; None without an own broker."""
    places = Places(data_dir)
    try:
        lock = claim(data_dir)
    except Failed:
        urls = _running_urls(places)
        if urls is None:
            raise
        yield urls
        return
    try:
        with ExitStack() as stack:
            database_url = stack.enter_context(running(_database(places)))
            has_streams = (data_dir / "nats").exists()
            yield database_url, stack.enter_context(running(_broker(places))) if has_streams else None
    finally:
        os.close(lock)


def _running_urls(places: Places) -> tuple[str, str | None] | None:
    """Of the servers that `quivive up` has started, and that nobody must start again; None when the database does not answer."""
    user, secret = database.USER, places.secret("postgres")
    try:
        database_url = f"postgresql://{user}:{secret}@127.0.0.1:{places.chosen_port('postgres')}/{database.DATABASE}"
        if not database.has_database(database_url):
            return None
        if not (places.root / "nats").exists():
            return database_url, None
        return database_url, f"nats://{broker.USER}:{places.secret('nats')}@127.0.0.1:{places.chosen_port('nats')}"
    except KeyError:
        return None


def _database(places: Places) -> Server:
    try:
        return database.server(places)
    except (broker.Missing, database.Refused) as error:
        raise Failed(str(error), EXIT_USAGE) from None


def _broker(places: Places) -> Server:
    try:
        return broker.server(places)
    except broker.Missing as error:
        raise Failed(str(error), EXIT_USAGE) from None


async def _save_streams(url: str, parts: Path) -> dict[str, Any]:
    try:
        async with await nats.connect(url, allow_reconnect=False, connect_timeout=10) as nc:
            described = {name: await streams.save(nc, name, parts / f"{name}.stream") for name in STREAMS}
    except (NatsError, OSError, TimeoutError, streams.Refused) as error:
        raise Failed(f"the streams cannot be saved: {error or type(error).__name__}") from None
    return {name: about for name, about in described.items() if about is not None}


async def _load_streams(url: str, parts: Path, described: Mapping[str, Any]) -> None:
    try:
        async with await nats.connect(url, allow_reconnect=False, connect_timeout=10) as nc:
            for name, about in described.items():
                await streams.load(nc, name, parts / f"{name}.stream", about)
    except (NatsError, OSError, TimeoutError, streams.Refused) as error:
        raise Failed(f"the streams cannot be restored: {error or type(error).__name__}") from None


def _pack(parts: Path, file: Path) -> None:
    """Complete, on disk and only the owner's to read before it has its name."""
    scratch = parts.with_suffix(".tar")
    try:
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            with tarfile.open(fileobj=out, mode="w") as archive:
                for part in sorted(parts.iterdir(), key=lambda part: part.name != MANIFEST):
                    archive.add(part, part.name)
            out.flush()
            os.fsync(out.fileno())
        scratch.rename(file)
    finally:
        scratch.unlink(missing_ok=True)


def _unpack(file: Path, parts: Path) -> Mapping[str, Any]:
    """The manifest, once every file has been found to be what it says. Raises Failed."""
    try:
        with tarfile.open(file) as archive:
            archive.extractall(parts, filter="data")
        manifest: dict[str, Any] = json.loads((parts / MANIFEST).read_text("utf-8"))
    except FileNotFoundError as error:
        raise Failed(f"{file} is no backup of Quivive: {error.filename} is missing", EXIT_USAGE) from None
    except (OSError, tarfile.TarError, ValueError) as error:
        raise Failed(f"{file} cannot be read as a backup: {error}", EXIT_USAGE) from None
    if manifest.get("format") != FORMAT:
        raise Failed(f"{file} was written by Quivive {manifest.get('version')}: restore it with that one", EXIT_USAGE)
    for name, digest in manifest["files"].items():
        if not (parts / name).is_file() or _digest(parts / name) != digest:
            raise Failed(f"{file} is damaged: {name} is not what was saved", EXIT_USAGE)
    return manifest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
