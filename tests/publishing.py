"""What agents publish, made by hand: batches of results, presence; and an aggregator process to take them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import nats
from google.protobuf.timestamp_pb2 import Timestamp
from nats.aio.client import Client

from quivive import subjects
from quivive.bus import ensure_streams
from quivive.domain.checks import DEFAULT_SHARDS, shard_of
from quivive.domain.words import Cause, Outcome
from quivive.v1 import bus_pb2

T = TypeVar("T")


@dataclass(frozen=True)
class Attempt:
    """One result. It ended `ago_us` before now, by default a millisecond after its slot where one is given."""

    check: int
    outcome: Outcome = Outcome.UP
    cause: Cause = Cause.UNSPECIFIED
    attempt: int = 0
    slot_us: int | None = None
    ago_us: int = 0
    detail: str = ""

    def times_us(self, now_us: int) -> tuple[int, int]:
        """Slot and end."""
        if self.slot_us is None:
            return now_us - self.ago_us - 1000, now_us - self.ago_us
        return self.slot_us, now_us - self.ago_us if self.ago_us else self.slot_us + 1000


def now_us() -> int:
    return time.time_ns() // 1000


def batch_of(region: str, attempts: Sequence[Attempt], *, number: int = 1, agent: str = "agent") -> bus_pb2.ResultBatch:
    """One batch, for checks of one shard."""
    times = [attempt.times_us(now_us()) for attempt in attempts]
    base = times[0][0]
    batch = bus_pb2.ResultBatch(
        region=region,
        agent=agent,
        number=number,
        shard=shard_of(attempts[0].check, DEFAULT_SHARDS),
        base_time_us=base,
    )
    for index, attempt in enumerate(attempts):
        slot_us, end_us = times[index]
        batch.check.append(attempt.check)
        batch.revision.append(1)
        batch.slot_us.append(slot_us - base)
        batch.attempt.append(attempt.attempt)
        batch.outcome.append(attempt.outcome)  # type: ignore[arg-type]
        batch.cause.append(attempt.cause)  # type: ignore[arg-type]
        batch.end_us.append(end_us - base)
        for column in (batch.dns, batch.connect, batch.tls, batch.first_byte, batch.transfer):
            column.append(1)
        batch.http_status.append(200 if attempt.outcome is Outcome.UP else 0)
        if attempt.detail:
            batch.evidence.append(bus_pb2.Evidence(result=index, detail=attempt.detail, address="192.0.2.7:443"))
    return batch


class Publisher:
    """Publishes as an agent of each region would."""

    def __init__(self, nc: Client) -> None:
        self.nc = nc
        self._js = nc.jetstream()
        self._number = 0

    @classmethod
    async def connect(cls, url: str) -> "Publisher":
        nc = await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.1)
        await ensure_streams(nc.jetstream())
        return cls(nc)

    async def close(self) -> None:
        await self.nc.close()

    async def results(self, region: str, *attempts: Attempt) -> None:
        """One message; all attempts must be of checks of one shard."""
        self._number += 1
        batch = batch_of(region, attempts, number=self._number)
        await self.raw(batch.shard, region, batch.SerializeToString(), key=f"agent-{self._number}")

    async def raw(self, shard: int | str, region: str, data: bytes, *, key: str | None = None) -> None:
        headers = {"Nats-Msg-Id": key} if key else None
        await self._js.publish(f"quivive.results.{shard}.{region}", data, headers=headers)

    async def outage(self, check: int, *regions: str, cause: Cause = Cause.TCP_REFUSED) -> None:
        """Each region fails twice in a row."""
        for region in regions:
            slot_us = now_us() - 1_500_000
            for number, ago_us in ((0, 1_200_000), (1, 200_000)):
                failing = Attempt(
                    check, Outcome.DOWN, cause, number, slot_us, ago_us, detail="connection refused by 192.0.2.7:443"
                )
                await self.results(region, failing)

    async def up(self, check: int, *regions: str, ago_us: int = 0) -> None:
        """Each region finds it up."""
        for region in regions:
            await self.results(region, Attempt(check, ago_us=ago_us))

    async def presence(self, region: str, agent: str = "agent", clock_offset_us: int = 0) -> None:
        moment = Timestamp()
        moment.GetCurrentTime()
        value = bus_pb2.Presence(region=region, agent=agent, time=moment, clock_offset_us=clock_offset_us)
        bucket = await self._js.key_value(subjects.PRESENCE_BUCKET)
        await bucket.put(subjects.presence_key(region, agent), value.SerializeToString())


class AggregatorProcess:
    """`python -m aggregator`, killed and started again as a test likes."""

    def __init__(self, log: Path, database_url: str, nats_url: str, **settings: str) -> None:
        self.log = log
        self._environment = {
            **os.environ,
            "QUIVIVE_DATABASE_URL": database_url,
            "QUIVIVE_NATS_URL": nats_url,
            **{f"QUIVIVE_{name.upper()}": value for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "AggregatorProcess":
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([sys.executable, "-m", "aggregator"], env=self._environment, stderr=log)
        return self

    @property
    def exit_code(self) -> int | None:
        assert self._process is not None
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> tuple[int, float]:
        """SIGTERM; the exit code and the seconds it took."""
        assert self._process is not None
        started = time.monotonic()
        self._process.terminate()
        return self._process.wait(20), time.monotonic() - started

    def kill(self) -> None:
        """As by kill -9; nothing when it has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def says(self, words: str) -> bool:
        """Whether its log has these words."""
        return words in self.log.read_text("utf-8")


async def eventually(condition: Callable[[], T], what: str, within_s: float = 20.0) -> T:
    """The first true value of `condition`; AssertionError naming `what` when there is none in time."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {within_s:.0f} s"
        await asyncio.sleep(0.05)
    return value
