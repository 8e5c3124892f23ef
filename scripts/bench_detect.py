"""Measure how soon `quivive up` confirms outages of real local sites: three regions, 30 s intervals. A table, then one JSON object.

Outages begin at evenly spread phases of their sites' own slots; half of them refuse connections, half answer 503.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from farm import LocalSite, LocalSites  # noqa: E402  the tests' farm and runner, which are no package
from running import Quivive, local_environment, wait_for  # noqa: E402

from quivive.embedded.demo.troubles import Trouble  # noqa: E402

REGIONS = "eu-west,us-east,ap-south"
INTERVAL_S = 30.0
MOST_SITES = 100
"""Each fails as often as it takes."""
TROUBLES = (Trouble.REFUSED, Trouble.UNAVAILABLE)
BAR_P50_S, BAR_P99_S = 7.0, 12.0
REOPENS_WITHIN_S = 130.0
CONFIRMED_WITHIN_S, RESOLVED_WITHIN_S = 40.0, 60.0

FIRST_INCIDENT = """
    SELECT min(i.confirm_time) FROM quivive.incidents AS i
    WHERE i.site_id = %s AND i.confirm_time > %s AND NOT i.retroactive
"""
SLOT = """
    SELECT extract(epoch FROM r.slot) FROM quivive.results AS r JOIN quivive.checks AS c USING (check_id)
    WHERE c.site_id = %s AND r.attempt = 0 ORDER BY r.region, r.slot DESC LIMIT 1
"""
OPEN = "SELECT count(*) FROM quivive.incidents WHERE resolve_time IS NULL"
UP = "SELECT count(*) FROM quivive.state_intervals WHERE end_time IS NULL AND state = 1"


@dataclass(frozen=True, slots=True)
class Outage:
    """One that began at an instant we know; `detect_s` is None when it was missed."""

    trouble: Trouble
    detect_s: float | None


def configuration(sites: Sequence[LocalSite]) -> str:
    lines = ["customers:", "  - {id: agency, name: Agency, plan: premium}", "sites:"]
    lines += [f"  - {{id: {site.name}, customer: agency, url: '{site.url}', interval: 30s}}" for site in sites]
    return "\n".join(lines) + "\n"


def count(quivive: Quivive, query: str) -> int:
    with quivive.database() as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def slot_of(quivive: Quivive, site: str) -> float:
    """A slot of the site in its first region, in seconds since the Unix epoch."""
    with quivive.database() as connection:
        row = connection.execute(SLOT, (site,)).fetchone()
    assert row is not None
    return float(row[0])


def run_round(quivive: Quivive, sites: Sequence[LocalSite], outages: int) -> list[Outage]:
    """Break so many sites within an interval; heal them once they are all confirmed or missed."""
    broken: list[tuple[LocalSite, Trouble, datetime]] = []
    begin = time.time()
    moments = sorted(
        (begin + (slot_of(quivive, site.name) + INTERVAL_S * (number + 0.5) / outages - begin) % INTERVAL_S, number)
        for number, site in enumerate(sites[:outages])
    )
    for moment, number in moments:
        time.sleep(max(0.0, moment - time.time()))
        trouble = TROUBLES[number % len(TROUBLES)]
        broken.append((sites[number], trouble, sites[number].become(trouble)))

    found: dict[str, datetime] = {}

    def all_found() -> bool:
        with quivive.database() as connection:
            for site, _, at in broken:
                if site.name not in found:
                    row = connection.execute(FIRST_INCIDENT, (site.name, at)).fetchone()
                    if row is not None and row[0] is not None:
                        found[site.name] = row[0]
        return len(found) == len(broken)

    try:
        wait_for(all_found, "every outage confirmed", CONFIRMED_WITHIN_S)
    except AssertionError:
        print(f"missed: {len(broken) - len(found)} of {len(broken)}", file=sys.stderr)
    for site, _, _ in broken:
        site.heal()
    wait_for(lambda: count(quivive, OPEN) == 0, "every incident resolved", RESOLVED_WITHIN_S)
    return [
        Outage(trouble, (found[site.name] - at).total_seconds() if site.name in found else None)
        for site, trouble, at in broken
    ]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so many are not above; NaN of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)] if ordered else float("nan")


def print_table(outages: Sequence[Outage]) -> None:
    print(f"{'':<26}{'outages':>8}{'missed':>8}{'p50 s':>8}{'p95 s':>8}{'p99 s':>8}{'max s':>8}")
    groups = [(trouble.value, [o for o in outages if o.trouble is trouble]) for trouble in TROUBLES]
    for name, group in [*groups, ("all", list(outages))]:
        seconds = [o.detect_s for o in group if o.detect_s is not None]
        figures = "".join(f"{percentile(seconds, share):>8.2f}" for share in (0.5, 0.95, 0.99, 1.0))
        print(f"{name:<26}{len(group):>8}{len(group) - len(seconds):>8}{figures}")
    bars = f"Bars: p50 {BAR_P50_S:.0f} s, p99 {BAR_P99_S:.0f} s."
    print(f"\nFrom the instant at which visitors see the fault to the incident's confirmation. {bars}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outages", type=int, default=200, help="how many")
    parser.add_argument("--aggregators", type=int, default=1, help="how many share the work")
    options = parser.parse_args()
    outages: list[Outage] = []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        farm = LocalSites(Path(folder))
        sites = [farm.add(f"site-{number}") for number in range(min(options.outages, MOST_SITES))]
        references = ",".join(farm.add(f"reference-{number}").url for number in (1, 2))
        quivive = Quivive(Path(folder))
        quivive.environment.update(local_environment(farm.trusted, QUIVIVE_REFERENCES=references))
        try:
            flags = ("--regions", REGIONS, "--aggregators", str(options.aggregators))
            quivive.start(*flags, configuration=configuration(sites))
            wait_for(lambda: count(quivive, UP) == len(sites), "every site up", 3 * INTERVAL_S)
            while len(outages) < options.outages:
                # One that fails again soon goes on with its old incident, so that rounds keep apart.
                if outages:
                    time.sleep(REOPENS_WITHIN_S)
                outages += run_round(quivive, sites, min(len(sites), options.outages - len(outages)))
                print(f"{len(outages)} of {options.outages} outages", file=sys.stderr)
        finally:
            quivive.close()
            farm.close()
    print(f"quivive up: {len(sites)} sites, three regions, 30 s intervals, {options.aggregators} aggregator(s)\n")
    print_table(outages)
    seconds = [outage.detect_s for outage in outages if outage.detect_s is not None]
    figures = {
        "outages": len(outages),
        "missed": len(outages) - len(seconds),
        "outage_to_confirm_p50_s": round(percentile(seconds, 0.5), 2),
        "outage_to_confirm_p99_s": round(percentile(seconds, 0.99), 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
