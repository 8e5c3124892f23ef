"""Measure the whole of `quivive up`: 40 local sites, three local agents, 30 s intervals. Prints a table, then one JSON object."""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from farm import LocalSites  # noqa: E402  the tests' farm and runner, which are no package
from running import Quivive, local_environment  # noqa: E402

SITES = 40
REGIONS = "eu-west,us-east,ap-south"
WARM_UP_S = 45.0
"""Until every site has been looked at from everywhere, and start-up work is done."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process, or all of them, used. Memory in MiB, CPU as share of one core."""

    name: str
    processes: int
    rss_mib: float
    pss_mib: float
    cpu: float


def configuration(sites: LocalSites) -> str:
    """Half of the sites with HTTPS."""
    lines = ["customers:", "  - {id: agency, name: Agency, plan: premium}", "sites:"]
    for number in range(SITES):
        site = sites.add(f"site-{number}", https=number % 2 == 1)
        lines.append(f"  - {{id: {site.name}, customer: agency, url: '{site.url}', interval: 30s}}")
    return "\n".join(lines) + "\n"


def name_of(process: psutil.Process) -> str:
    command = process.cmdline()
    if "-m" in command:
        module = command[command.index("-m") + 1]
        region = process.environ().get("QUIVIVE_REGION") if module == "probe_agent" else None
        return f"{module} {region}" if region else module
    program = process.name()
    return {"nats-server": "broker", "postgres": "database"}.get(program, "supervisor")


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def measure(quivive: Quivive, seconds: float) -> list[Usage]:
    """The processes' use over so long, those of one name added up; the total comes last."""
    begin, before = time.monotonic(), {process: cpu_seconds(process) for process in quivive.survivors()}
    time.sleep(seconds)
    used: dict[str, list[tuple[float, float, float]]] = {}
    elapsed = time.monotonic() - begin
    for process in quivive.survivors():
        memory = process.memory_full_info()
        cpu = (cpu_seconds(process) - before.get(process, 0.0)) / elapsed
        used.setdefault(name_of(process), []).append((memory.rss / 2**20, memory.pss / 2**20, cpu))
    rows = [Usage(name, len(each), *map(sum, zip(*each, strict=True))) for name, each in sorted(used.items())]
    total = Usage(
        "all",
        sum(row.processes for row in rows),
        sum(row.rss_mib for row in rows),
        sum(row.pss_mib for row in rows),
        sum(row.cpu for row in rows),
    )
    return [*rows, total]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to measure")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        sites = LocalSites(Path(folder))
        quivive = Quivive(Path(folder))
        quivive.environment.update(local_environment(sites.trusted))
        try:
            quivive.start("--regions", REGIONS, configuration=configuration(sites))
            first = quivive.wait_for_first_result()
            time.sleep(WARM_UP_S)
            rows = measure(quivive, seconds)
        finally:
            quivive.close()
            sites.close()
    print(f"quivive up: {SITES} sites, three local agents, 30 s intervals, over {seconds:.0f} s\n")
    print(f"{'':<24}{'processes':>10}{'RSS MiB':>10}{'PSS MiB':>10}{'% of a core':>13}")
    for row in rows:
        print(f"{row.name:<24}{row.processes:>10}{row.rss_mib:>10.1f}{row.pss_mib:>10.1f}{row.cpu * 100:>13.2f}")
    print(f"\nRSS counts shared memory once per process, PSS once in all. First result stored after {first:.1f} s.")
    total = rows[-1]
    figures = {
        "sites": SITES,
        "rss_mib": round(total.rss_mib, 1),
        "pss_mib": round(total.pss_mib, 1),
        "cpu_share_of_core": round(total.cpu, 4),
        "first_result_s": first,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
