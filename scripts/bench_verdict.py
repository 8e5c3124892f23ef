"""Measure the verdict beside the rules of other monitors, in the same seeded worlds. Prints tables, then one JSON object."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "simulation"))

from fleet import Run  # noqa: E402  the simulator, which is no package
from outcome import Score, score  # noqa: E402
from rules import RULES, Looks, judge  # noqa: E402
from traces import traces  # noqa: E402
from world import World  # noqa: E402

QUORUM = 2
RESULTS = 10_000_000


def measure(world: World) -> dict[str, Score]:
    """Every rule's score in one world."""
    run = Run(world).run()
    scores = {"quivive": score(world, run.found(), QUORUM, measured=run.down_spans())}
    looks = Looks(world)
    for name, rule in RULES.items():
        scores[name] = score(world, judge(looks, rule), QUORUM)
    return scores


def table(title: str, results: int, scores: dict[str, Score]) -> Table:
    shown = Table(title=f"{title} ({results:,} results)", title_justify="left")
    for column in (
        "rule",
        "missed",
        "false",
        "false per million",
        "detect p50",
        "p95",
        "p99",
        "down time off by",
        "wrongly counted",
    ):
        shown.add_column(column, justify="left" if column == "rule" else "right")
    for name, found in scores.items():
        shown.add_row(
            name,
            f"{found.missed_outages}/{found.true_outages}",
            f"{found.false_incidents}",
            f"{found.false_incidents / results * 1e6:.1f}",
            *(seconds(value) for value in (found.detect_p50_s, found.detect_p95_s, found.detect_p99_s)),
            "" if found.down_error is None else f"{found.down_error:.2%}",
            f"{found.wrong_share:.5%}",
            style="bold" if name == "quivive" else "",
        )
    return shown


def seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def total(results: int, scores: Sequence[Score]) -> dict[str, float | int | None]:
    """One rule over all worlds; percentiles over the worlds' own detections, weighted by their number."""
    delays = [delay for found in scores for delay in found.delays_s]
    return {
        "false_incidents": sum(found.false_incidents for found in scores),
        "false_per_million": sum(found.false_incidents for found in scores) / results * 1e6,
        "missed_outages": sum(found.missed_outages for found in scores),
        "true_outages": sum(found.true_outages for found in scores),
        "detect_p50_s": percentile(delays, 50),
        "detect_p95_s": percentile(delays, 95),
        "detect_p99_s": percentile(delays, 99),
        "wrong_share": float(np.mean([found.wrong_share for found in scores])),
    }


def percentile(values: Sequence[float], share: float) -> float | None:
    return round(float(np.percentile(values, share)), 3) if values else None


def expectation(world: World, rate: float) -> float:
    """Expected false incidents of Quivive under independent loss at `rate` = p, of three regions, in closed form.

    A lost scheduled attempt (p) opens a suspicion. Then, in the order in which the answers come:
    both other regions' first confirmations are lost (p²), the suspecting region's second attempt (p), and one of the two second
    confirmations (2p): 2p⁵ in all. Or one region answers UP (2p): then both others need three lost attempts, four more: 2p⁶.
    Or both first confirmations are lost, the suspecting region recovers, and the others lose two more each: p⁷.
    """
    return world.results * (2 * rate**5 + 2 * rate**6 + rate**7)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=int, default=RESULTS, help="scheduled results over all worlds")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    console = Console(width=140)
    per_rule: dict[str, list[Score]] = {}
    results = 0
    report: dict[str, object] = {}
    for world in traces(arguments.results, arguments.seed):
        scores = measure(world)
        results += world.results
        for name, found in scores.items():
            per_rule.setdefault(name, []).append(found)
        console.print(table(world.name, world.results, scores))
        if "lost" in world.name:
            expected = expectation(world, world.faults[0].rate)
            console.print(f"  Quivive's expected false incidents here, in closed form: {expected:.2g}\n")
            report[f"expected: {world.name}"] = expected
    totals = {name: total(results, scores) for name, scores in per_rule.items()}
    shown = Table(title=f"All worlds ({results:,} results)", title_justify="left")
    for column in ("rule", *next(iter(totals.values()))):
        shown.add_column(column, justify="left" if column == "rule" else "right")
    for name, figures in totals.items():
        shown.add_row(name, *("" if value is None else f"{value:.4g}" for value in figures.values()))
    console.print(shown)
    worlds = {
        name: [{k: v for k, v in asdict(found).items() if k != "delays_s"} for found in scores]
        for name, scores in per_rule.items()
    }
    print(json.dumps({**totals, "results": results, **report, "worlds": worlds["quivive"]}))


if __name__ == "__main__":
    main()
