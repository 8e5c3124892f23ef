"""Measure the agent beside prometheus-blackbox-exporter: the same nginx, a fresh connection for each check, one core each in turn.

Needs nginx and prometheus-blackbox-exporter (Debian: apt-get install nginx-light prometheus-blackbox-exporter).
Prints tables, then one JSON object.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import psutil
import trustme
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from servers import NatsServer  # noqa: E402  the tests' servers, which are no package

from quivive import subjects  # noqa: E402
from quivive.bus import Reader, connect, disconnect, ensure_streams  # noqa: E402
from quivive.domain.checks import slice_of  # noqa: E402
from quivive.embedded.places import free_port  # noqa: E402
from quivive.v1.bus_pb2 import CheckSpec, ResultBatch  # noqa: E402
from quivive.v1.outcome_pb2 import OUTCOME_UP, Cause, Outcome  # noqa: E402

REGION = "bench"
MEASURED_CORE, OTHER_CORES = 0, range(1, os.cpu_count() or 1)
"""The agent and blackbox_exporter have the first core to themselves; nginx, the broker and this script have the others."""
PROBES_AT_A_TIME = 8
PAGE = (
    "<!doctype html><html><head><title>Boulangerie</title></head><body>"
    + "<p>Du pain frais.</p>" * 100
    + "</body></html>"
)

NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_processes 1;
events {{ worker_connections 8192; }}
http {{
  access_log off; types {{ text/html html; }} root {folder}/www;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  ssl_certificate {folder}/site.pem; ssl_certificate_key {folder}/site.pem;
  server {{ listen 127.0.0.1:{http} backlog=8192; }}
  server {{ listen 127.0.0.1:{full} ssl backlog=8192; ssl_session_tickets off; ssl_session_cache off; }}
  server {{ listen 127.0.0.1:{resumed} ssl backlog=8192; ssl_session_cache shared:sessions:8m; }}
}}
"""
BLACKBOX = """
modules:
  http: {{prober: http, timeout: 5s, http: {{preferred_ip_protocol: ip4, tls_config: {{ca_file: {folder}/authority.pem}}}}}}
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """Checks that were good, and the CPU seconds that they took."""

    checks: int
    cpu_s: float
    wall_s: float

    @property
    def per_cpu_s(self) -> float:
        return self.checks / self.cpu_s

    def __add__(self, other: "Rate") -> "Rate":
        return Rate(self.checks + other.checks, self.cpu_s + other.cpu_s, self.wall_s + other.wall_s)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Cumulative counts by upper bound in seconds."""

    buckets: Sequence[tuple[float, float]]

    def since(self, earlier: "Histogram") -> "Histogram":
        return Histogram([(b, n - m) for (b, n), (_, m) in zip(self.buckets, earlier.buckets, strict=True)])

    def percentile_s(self, share: float) -> float:
        """Interpolated within its bucket."""
        wanted, lower, below = self.buckets[-1][1] * share, 0.0, 0.0
        for bound, count in self.buckets:
            if count >= wanted and count > below:
                return lower + (min(bound, 60.0) - lower) * (wanted - below) / (count - below)
            lower, below = bound, count
        return lower


class Agent:
    """`python -m probe_agent` on the measured core, its broker, and what it publishes."""

    def __init__(self, folder: Path, nats_url: str) -> None:
        self._port = free_port()
        environment = {
            **os.environ,
            "QUIVIVE_NATS_URL": nats_url,
            "QUIVIVE_REGION": REGION,
            "QUIVIVE_ALLOW_TARGETS": "127.0.0.0/8",
            "QUIVIVE_REFERENCES": "",
            "QUIVIVE_TLS_SESSIONS": "2000",
            "QUIVIVE_HEALTH_PORT": str(self._port),
            "QUIVIVE_LOG_LEVEL": "WARNING",
            "QUIVIVE_SPOOL_DIR": tempfile.mkdtemp(dir=folder),
            "SSL_CERT_FILE": str(folder / "authority.pem"),
        }
        self.log = folder / "agent.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(MEASURED_CORE), sys.executable, "-m", "probe_agent"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        self.process = psutil.Process(self._process.pid)

    async def histogram(self) -> Histogram:
        """Of slot lateness."""
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"http://127.0.0.1:{self._port}/metrics")).text
        return Histogram(
            [
                (float(sample.labels["le"]), sample.value)
                for family in text_string_to_metric_families(text)
                for sample in family.samples
                if sample.name == "quivive_agent_slot_lateness_seconds_bucket"
            ]
        )

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            print(self.log.read_text()[-2000:], file=sys.stderr)


class Results:
    """Counts what agents published."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.good = 0
        self.others: Counter[str] = Counter()
        """Results that were not good, by what they were."""

    async def count(self) -> None:
        """For ever."""
        while True:
            for delivery in await self._reader.read():
                batch = ResultBatch.FromString(delivery.data)
                for outcome, cause in zip(batch.outcome, batch.cause, strict=True):
                    if outcome == OUTCOME_UP:
                        self.good += 1
                    else:
                        self.others[f"{Outcome.Name(outcome)} {Cause.Name(cause)}"] += 1


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def nginx(folder: Path) -> Iterator[dict[str, str]]:
    """The site, by kind: its URLs."""
    ports = {name: free_port() for name in ("http", "full", "resumed")}
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    leaf = authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA)
    leaf.private_key_and_cert_chain_pem.write_to_path(str(folder / "site.pem"))
    (folder / "www").mkdir()
    (folder / "www/index.html").write_text(PAGE)
    for path in (folder, folder / "www"):
        path.chmod(0o755)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, **ports))
    process = start(["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)])
    try:
        yield {name: f"http{'' if name == 'http' else 's'}://127.0.0.1:{port}/" for name, port in ports.items()}
    finally:
        process.terminate()
        process.wait(20)


def start(command: Sequence[str], cores: Sequence[int] = OTHER_CORES) -> "subprocess.Popen[bytes]":
    pinned = ["taskset", "-c", ",".join(map(str, cores or [0])), *command]
    return subprocess.Popen(pinned, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def measure_blackbox(folder: Path, url: str, seconds: float) -> Rate:
    """Probes through its own endpoint, as Prometheus asks for them."""
    port = free_port()
    (folder / "blackbox.yml").write_text(BLACKBOX.format(folder=folder))
    flags = [f"--config.file={folder / 'blackbox.yml'}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    running = start(["prometheus-blackbox-exporter", *flags], [MEASURED_CORE])
    request = f"GET /probe?module=http&target={url} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    good = 0

    async def ask(until: float) -> None:
        nonlocal good
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < until:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            good += b"probe_success 1" in await _body(reader, head)
        writer.close()

    try:
        process = psutil.Process(running.pid)
        await _listening(port)
        await asyncio.gather(*(ask(time.monotonic() + 1) for _ in range(PROBES_AT_A_TIME)))
        good, begin, before = 0, time.monotonic(), cpu_seconds(process)
        await asyncio.gather(*(ask(begin + seconds) for _ in range(PROBES_AT_A_TIME)))
        return Rate(good, cpu_seconds(process) - before, time.monotonic() - begin)
    finally:
        running.terminate()
        running.wait(20)


async def _listening(port: int) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise SystemExit("blackbox_exporter did not start")


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """Of a response that says its length, or comes in chunks."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return await reader.readexactly(int(line.split(b":")[1]))
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return body


class Bench:
    """Agents that come and go on one broker."""

    def __init__(self, folder: Path, nats_url: str, results: Results, bucket: object) -> None:
        self._folder = folder
        self._nats_url = nats_url
        self._results = results
        self._bucket = bucket

    async def measure(self, url: str, checks: int, interval_s: float, warm_up_s: float, seconds: float) -> "Run":
        """An agent with so many checks of one URL."""
        await self._declare(url, checks, interval_s)
        agent = Agent(self._folder, self._nats_url)
        try:
            first = self._results.good
            deadline = time.monotonic() + 60
            while self._results.good == first:
                if time.monotonic() > deadline:
                    raise SystemExit(f"the agent published nothing:\n{agent.log.read_text()[-2000:]}")
                await asyncio.sleep(0.1)
            await asyncio.sleep(warm_up_s)
            histogram, others = await agent.histogram(), self._results.others.copy()
            good, before, begin = self._results.good, cpu_seconds(agent.process), time.monotonic()
            await asyncio.sleep(seconds)
            good, cpu_s = self._results.good - good, cpu_seconds(agent.process) - before
            rate = Rate(good, cpu_s, time.monotonic() - begin)
            memory = agent.process.memory_info().rss / 2**20
            lateness = (await agent.histogram()).since(histogram)
            return Run(rate, self._results.others - others, memory, lateness)
        finally:
            agent.stop()

    async def _declare(self, url: str, checks: int, interval_s: float) -> None:
        """Exactly so many checks, whatever was there before."""
        js = self._bucket
        await js.purge_stream(f"KV_{subjects.CHECKS_BUCKET}")  # type: ignore[attr-defined]
        spec = CheckSpec(revision=1, regions=[REGION], down_attempts=2)
        spec.interval.FromTimedelta(timedelta(seconds=interval_s))
        spec.timeout.FromSeconds(10)
        spec.attempt_gap.FromMilliseconds(500)
        spec.http.url = url
        for number in range(1, checks + 1):
            spec.id, spec.name = number, f"sites/s{number}/checks/http"
            key = subjects.check_key(slice_of(number), number)
            subject = f"$KV.{subjects.CHECKS_BUCKET}.{key}"
            await js.publish_async(subject, spec.SerializeToString())  # type: ignore[attr-defined]
        await js.publish_async_completed()  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Run:
    """One agent over a while."""

    rate: Rate
    others: Counter[str]
    """Results that were not good: none, unless the machine is too slow for the bench."""
    rss_mib: float
    lateness: Histogram


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    server = NatsServer(folder / "nats").start()
    psutil.Process(server.pid).cpu_affinity(list(OTHER_CORES) or [0])
    nc = await connect(server.url, name="bench")
    js = nc.jetstream()
    await ensure_streams(js)
    reader = Reader(nc, subjects.RESULTS_STREAM, ["quivive.results.>"])
    results = Results(reader)
    counting = asyncio.create_task(results.count())
    try:
        yield Bench(folder, server.url, results, js)
    finally:
        counting.cancel()
        await reader.close()
        await disconnect(nc)
        server.stop()


LOAD = {"http": 1500, "full": 450, "resumed": 800}
"""Checks a second for the agent: about half of a core of the reference machine."""


async def run(folder: Path, seconds: float, rounds: int, load: float, only: str | None) -> None:
    rates: dict[str, tuple[Rate, Rate]] = {}
    with nginx(folder) as urls:
        async with bench(folder) as agents:
            # In turns, so that whatever else the machine does hits both.
            for kind, url in [*urls.items()] * rounds:
                if only not in (None, kind):
                    continue
                ours = await agents.measure(url, int(LOAD[kind] * load), 1.0, 3.0, seconds)
                theirs = await measure_blackbox(folder, url, seconds)
                if ours.others:
                    print(f"{kind}: results that were not good: {dict(ours.others)}")
                before = rates.get(kind, (Rate(0, 0.0, 0.0), Rate(0, 0.0, 0.0)))
                rates[kind] = before[0] + ours.rate, before[1] + theirs
            if only is not None:
                table(rates)
                return
            capacity = rates["http"][0].per_cpu_s
            busy = await agents.measure(urls["http"], int(capacity * 0.8 * 2), 2.0, 5.0, seconds)
            small = await agents.measure(urls["resumed"], 1000, 30.0, 35.0, 5.0)
            large = await agents.measure(urls["http"], 30_000, 30.0, 45.0, 5.0)
    report(rates, busy, small, large)


def table(rates: dict[str, tuple[Rate, Rate]]) -> None:
    titles = {"http": "HTTP", "full": "HTTPS, full handshakes", "resumed": "HTTPS, where sessions can be resumed"}
    print(f"{'checks per CPU-second':<40}{'agent':>10}{'blackbox':>10}{'ratio':>8}")
    for kind, (ours, theirs) in rates.items():
        ratio = ours.per_cpu_s / theirs.per_cpu_s
        print(f"{titles[kind]:<40}{ours.per_cpu_s:>10.0f}{theirs.per_cpu_s:>10.0f}{ratio:>8.2f}")


def report(rates: dict[str, tuple[Rate, Rate]], busy: Run, small: Run, large: Run) -> None:
    table(rates)
    print(f"\nSlot lateness at 80 % of capacity ({busy.rate.checks / busy.rate.wall_s:.0f} checks a second):")
    below = 0.0
    for bound, count in busy.lateness.buckets:
        print(f"  up to {bound * 1000:>8g} ms {count - below:>9.0f}")
        below = count
    print(f"\nMemory: {small.rss_mib:.1f} MiB with 1,000 checks, {large.rss_mib:.1f} MiB with 30,000, every 30 s")
    ratios = {kind: round(ours.per_cpu_s / theirs.per_cpu_s, 2) for kind, (ours, theirs) in rates.items()}
    figures = {
        "http_ratio": ratios["http"],
        "https_ratio": ratios["full"],
        "https_resumed_ratio": ratios["resumed"],
        "http_checks_per_cpu_s": round(rates["http"][0].per_cpu_s),
        "https_checks_per_cpu_s": round(rates["full"][0].per_cpu_s),
        "https_resumed_checks_per_cpu_s": round(rates["resumed"][0].per_cpu_s),
        "rss_mib_1000_checks": round(small.rss_mib, 1),
        "rss_mib_30000_checks": round(large.rss_mib, 1),
        "lateness_p99_ms": round(busy.lateness.percentile_s(0.99) * 1000, 1),
        "missed_slots": busy.others.total(),
    }
    print(json.dumps(figures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to measure each")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured, in turns")
    parser.add_argument("--load", type=float, default=1.0, help="factor on the checks a second, for slower machines")
    parser.add_argument("--only", choices=sorted(LOAD), help="this one's checks per CPU-second, and nothing else")
    options = parser.parse_args()
    missing = [name for name in ("nginx", "prometheus-blackbox-exporter", "taskset") if shutil.which(name) is None]
    if missing:
        raise SystemExit(f"missing: {', '.join(missing)}; apt-get install nginx-light prometheus-blackbox-exporter")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder), options.seconds, options.rounds, options.load, options.only))


if __name__ == "__main__":
    main()
