"""A server that runs for as long as a command needs it."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from quivive.embedded.programs import Server, command
from quivive.embedded.supervise import Failed

WITHIN_S = 60.0
"""Recovery of a large database after a crash takes its time."""


@contextmanager
def running(server: Server) -> Iterator[str]:
    """Start it, and stop it at the end; its URL. Raises Failed when it does not start. Only from the main thread."""
    server.make()
    arguments, keywords = command(server.program)
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **keywords)
    try:
        deadline = time.monotonic() + WITHIN_S
        while not server.is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"the {server.program.name} does not start; `quivive up` shows why")
            time.sleep(0.05)
        yield server.url
    finally:
        process.send_signal(server.program.stop_signal)
        try:
            process.wait(server.program.stop_within.total_seconds())
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
