"""The agent as a process, and the other side of its bus: checks are declared, results collected."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
from nats.aio.client import Client
from nats.js.errors import NoKeysError

from quivive import subjects
from quivive.bus import Reader
from quivive.domain.checks import slice_of
from quivive.embedded.places import free_port
from quivive.v1.bus_pb2 import CheckSpec, Presence, ResultBatch

REGION, REGIONS = "eu-west", ("ap-south", "eu-west", "us-east")
WITHIN_S = 20.0


@dataclass(frozen=True)
class Seen:
    """A result as it came over the bus."""

    check: int
    revision: int
    slot_us: int
    attempt: int
    outcome: int
    cause: int
    time_us: int
    """The bus's timestamp."""


@dataclass
class Bus:
    """The other side of the bus: declares checks, collects results."""

    nc: Client
    reader: Reader
    seen: list[Seen] = field(default_factory=list)

    async def declare(self, id_: int, url: str, *, revision: int = 1, interval_s: float = 1.0, **more: object) -> None:
        spec = CheckSpec(
            id=id_, revision=revision, name=f"sites/s{id_}/checks/http", regions=REGIONS, down_attempts=2, **more
        )
        spec.interval.FromTimedelta(timedelta(seconds=interval_s))
        spec.timeout.FromSeconds(2)
        spec.attempt_gap.FromMilliseconds(500)
        spec.http.url = url
        bucket = await self.nc.jetstream().key_value(subjects.CHECKS_BUCKET)
        await bucket.put(subjects.check_key(slice_of(id_), id_), spec.SerializeToString())

    async def withdraw(self, id_: int) -> None:
        bucket = await self.nc.jetstream().key_value(subjects.CHECKS_BUCKET)
        await bucket.delete(subjects.check_key(slice_of(id_), id_))

    async def wait_for(self, condition: Callable[[Seen], bool], count: int = 1) -> list[Seen]:
        """The first `count` results that are so."""
        async with asyncio.timeout(WITHIN_S):
            while len(found := [seen for seen in self.seen if condition(seen)]) < count:
                for delivery in await self.reader.read():
                    batch = ResultBatch.FromString(delivery.data)
                    self.seen += [
                        Seen(
                            batch.check[i],
                            batch.revision[i],
                            batch.base_time_us + batch.slot_us[i],
                            batch.attempt[i],
                            batch.outcome[i],
                            batch.cause[i],
                            delivery.time_us,
                        )
                        for i in range(len(batch.check))
                    ]
        return found[:count]

    async def presences(self) -> list[Presence]:
        bucket = await self.nc.jetstream().key_value(subjects.PRESENCE_BUCKET)
        try:
            keys = await bucket.keys()
        except NoKeysError:
            return []
        return [Presence.FromString((await bucket.get(key)).value or b"") for key in keys]


class AgentProcess:
    """`python -m probe_agent`."""

    def __init__(self, nats_url: str, trusted: Path, log: Path) -> None:
        self.port = free_port()
        self.log = log
        self._environment = {
            **os.environ,
            "QUIVIVE_NATS_URL": nats_url,
            "QUIVIVE_REGION": REGION,
            "QUIVIVE_SIMULATED": "true",
            "QUIVIVE_ALLOW_TARGETS": "127.0.0.0/8",
            "QUIVIVE_HEALTH_PORT": str(self.port),
            "QUIVIVE_REFERENCES": "",
            "SSL_CERT_FILE": str(trusted),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "probe_agent"],
                env={**self._environment, **environment},
                stdout=log,
                stderr=log,
            )
        return self.process

    async def ready(self) -> None:
        async with asyncio.timeout(WITHIN_S), httpx.AsyncClient(trust_env=False) as client:
            while True:
                try:
                    if (await client.get(f"http://127.0.0.1:{self.port}/readyz")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)

    async def metrics(self) -> str:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(f"http://127.0.0.1:{self.port}/metrics")).text

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Exit code, and seconds it took."""
        assert self.process is not None
        started = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(10), time.monotonic() - started

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that tells nobody."""
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110  what it looks at is another process's or thread's
            await asyncio.sleep(0.01)
