"""Measure the gRPC API on one core: QuerySla with 10,000 sites, and watchers in a storm of changes. Table, then one JSON object.

The api is a process of its own, pinned to one core, on a real database and a real broker; callers run on the other cores.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import psycopg
import uvloop
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from bench_sla import END, fill, server
from servers import NatsServer

from aggregator.migrate import migrate
from quivive.embedded.places import free_port
from quivive.tokens import new_token
from quivive.v1 import site_pb2, site_pb2_grpc, sla_pb2, sla_pb2_grpc

CLIENTS = (1, 16, 64)
CHANNELS = 8
WINDOW = timedelta(days=30)
INSERT = (
    "INSERT INTO quivive.state_intervals (check_id, start_time, end_time, state, reason)"
    " VALUES (%s, clock_timestamp(), clock_timestamp() + interval '1 s', %s, 'bench')"
)


@contextmanager
def api_process(database_url: str, nats_url: str, token: str, core: int) -> Iterator[tuple[psutil.Process, str]]:
    """The api on this core; its process and its address."""
    port = free_port()
    environment = {
        **os.environ,
        "QUIVIVE_DATABASE_URL": database_url,
        "QUIVIVE_NATS_URL": nats_url,
        "QUIVIVE_GRPC_PORT": str(port),
        "QUIVIVE_HTTP_PORT": "0",
        "QUIVIVE_OPERATOR_TOKEN": token,
        "QUIVIVE_LOG_LEVEL": "ERROR",
        "QUIVIVE_API_RATE": "1000000",
        "QUIVIVE_API_BURST": "1000000",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "api"], env=environment, preexec_fn=lambda: os.sched_setaffinity(0, {core})
    )
    try:
        yield psutil.Process(process.pid), f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(15)


def channels(address: str, count: int) -> list[grpc.aio.Channel]:
    """Connections of their own."""
    return [grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) for _ in range(count)]


async def query_sla(
    address: str, shown: Any, process: psutil.Process, clients: int, seconds: float, sites: int
) -> dict[str, float]:
    """p50 and p99 in ms, and calls per second, of so many callers who each ask again at once."""
    rng = np.random.default_rng(clients)
    request_end = END - timedelta(days=1)
    latencies: list[float] = []
    opened = channels(address, min(clients, CHANNELS))
    stubs = [sla_pb2_grpc.SlaServiceStub(channel) for channel in opened]

    async def ask(stub: Any) -> None:
        request = sla_pb2.QuerySlaRequest(subject=f"sites/s{rng.integers(1, sites + 1)}")
        request.start_time.FromDatetime(request_end - WINDOW)
        request.end_time.FromDatetime(request_end)
        await stub.QuerySla(request, metadata=shown, timeout=60)

    async def caller(number: int, until: float) -> None:
        while time.monotonic() < until:
            begun = time.perf_counter()
            await ask(stubs[number % len(stubs)])
            latencies.append(time.perf_counter() - begun)

    for stub in stubs:
        for _ in range(5):
            await ask(stub)
    cpu, begun = sum(process.cpu_times()[:2]), time.monotonic()
    await asyncio.gather(*(caller(number, begun + seconds) for number in range(clients)))
    took = time.monotonic() - begun
    for channel in opened:
        await channel.close()
    p50, p99 = np.percentile(latencies, [50, 99]) * 1000
    return {
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
        "calls_per_second": round(len(latencies) / took, 1),
        "api_cpu": round((sum(process.cpu_times()[:2]) - cpu) / took, 2),
    }


async def watch(
    address: str, shown: Any, url: str, process: psutil.Process, watchers: int, rate: int, seconds: float, sites: int
) -> dict[str, float]:
    """What watchers get of so many changes a second, how late, and what it costs."""
    opened = channels(address, CHANNELS)
    stubs = [site_pb2_grpc.SiteServiceStub(channel) for channel in opened]
    wanted = round(rate * seconds)
    lags: list[float] = []
    got = [0] * watchers
    ready = asyncio.Semaphore(0)

    async def watcher(number: int) -> None:
        stream = stubs[number % len(stubs)].WatchSites(
            site_pb2.WatchSitesRequest(skip_snapshot=number > 0), metadata=shown
        )
        async for message in stream:
            if not got[number] and message.HasField("keep_alive"):
                ready.release()
            now = time.time()
            for change in message.changes.changes:
                got[number] += 1
                if number % 10 == 0:
                    lags.append(now - change.time.ToNanoseconds() / 1e9)
            if got[number] >= wanted:
                stream.cancel()
                return

    tasks = [asyncio.create_task(watcher(number)) for number in range(watchers)]
    for _ in range(watchers):
        await asyncio.wait_for(ready.acquire(), 300)
    cpu, begun = sum(process.cpu_times()[:2]), time.monotonic()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for number in range(wanted):
            await connection.execute(INSERT, (1 + number % sites, 1 + number % 4))
            await asyncio.sleep(max(0.0, begun + (number + 1) / rate - time.monotonic()))
    took = time.monotonic() - begun
    used = sum(process.cpu_times()[:2]) - cpu
    await asyncio.wait(tasks, timeout=30)
    cut = sum(task.done() and task.exception() is not None for task in tasks)
    for task in tasks:
        task.cancel()
    for channel in opened:
        await channel.close()
    p50, p99 = np.percentile(lags or [float("nan")], [50, 99]) * 1000
    return {
        "watchers": watchers,
        "changes_per_second": round(wanted / took, 1),
        "received": sum(got),
        "missing": watchers * wanted - sum(got),
        "cut": cut,
        "lag_p50_ms": round(float(p50)),
        "lag_p99_ms": round(float(p99)),
        "api_cpu": round(used / took, 2),
        "api_rss_mib": round(process.memory_info().rss / 2**20),
    }


async def measure(options: argparse.Namespace, url: str, nats_url: str) -> dict[str, Any]:
    token = str(new_token())
    shown = (("authorization", f"Bearer {token}"),)
    with api_process(url, nats_url, token, options.core) as (process, address):
        async with grpc.aio.insecure_channel(address) as channel:
            await asyncio.wait_for(channel.channel_ready(), 60)
        found: dict[str, Any] = {"sites": options.sites}
        for clients in CLIENTS:
            found[f"query_sla_{clients}"] = await query_sla(
                address, shown, process, clients, options.seconds, options.sites
            )
        found["watch"] = await watch(
            address, shown, url, process, options.watchers, options.rate, options.seconds, options.sites
        )
    return found


def show(found: dict[str, Any]) -> None:
    console = Console()
    table = Table(
        "clients", "p50", "p99", "calls/s", "core", title=f"QuerySla of one site's 30 days, {found['sites']} sites"
    )
    for clients in CLIENTS:
        row = found[f"query_sla_{clients}"]
        table.add_row(
            str(clients),
            f"{row['p50_ms']} ms",
            f"{row['p99_ms']} ms",
            f"{row['calls_per_second']}",
            f"{row['api_cpu']:.0%}",
        )
    console.print(table)
    held = found["watch"]
    table = Table(
        "watchers", "changes/s", "received", "missing", "cut", "lag p50", "lag p99", "core", title="WatchSites"
    )
    table.add_row(
        *(str(held[key]) for key in ("watchers", "changes_per_second", "received", "missing", "cut")),
        *(f"{held['lag_p50_ms']} ms", f"{held['lag_p99_ms']} ms", f"{held['api_cpu']:.0%}"),
    )
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measurement")
    parser.add_argument("--watchers", type=int, default=200)
    parser.add_argument("--rate", type=int, default=100, help="changes a second")
    parser.add_argument("--core", type=int, default=0, help="the one that the api runs on")
    parser.add_argument("--database-url", default=os.environ.get("QUIVIVE_BENCH_DATABASE_URL"))
    options = parser.parse_args()
    cores = os.sched_getaffinity(0) - {options.core} or {options.core}
    with server(options.database_url) as url, tempfile.TemporaryDirectory() as folder:
        broker = NatsServer(Path(folder)).start()
        try:
            migrate(url)
            fill(url, options.sites)
            os.sched_setaffinity(0, cores)
            found = uvloop.run(measure(options, url, broker.url))
        finally:
            broker.stop()
    show(found)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
