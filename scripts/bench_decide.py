"""Measure the decision core alone, on one core: results per second, quiet and with 1 % failing. Table, then one JSON object."""

import argparse
import json
import os
import time

import numpy as np
from rich.console import Console
from rich.table import Table

from aggregator.decide.core import ShardState, advance, apply_results
from aggregator.decide.policy import Policies, Policy
from aggregator.results import Results
from quivive.domain.words import Cause, Outcome

CHECKS = 20_000
REGIONS = ("ap-south", "eu-west", "us-east")
BATCH = 250
"""Results in one batch: about 12 kB on the bus."""
INTERVAL_US = 30_000_000
ROUNDS = 6


def policy_of(check: int) -> Policy:
    return Policy(
        check=check,
        revision=1,
        name=f"sites/s{check}/checks/http",
        site=f"s{check}",
        customer="c",
        regions=REGIONS,
        interval_us=INTERVAL_US,
        timeout_us=10_000_000,
        down_attempts=2,
    )


def batch_of(region: str, checks: np.ndarray, failing: np.ndarray, at_us: int) -> Results:
    n = len(checks)
    phases = np.zeros((n, 5), np.int32)
    phases[:, 3] = 1000
    return Results(
        region=region,
        agent="bench",
        number=1,
        shard=0,
        check=checks,
        revision=np.ones(n, np.int32),
        slot_us=np.full(n, at_us, np.int64),
        attempt=np.zeros(n, np.int16),
        outcome=np.where(failing, Outcome.DOWN, Outcome.UP).astype(np.int16),
        cause=np.where(failing, Cause.TCP_REFUSED, Cause.UNSPECIFIED).astype(np.int16),
        end_us=np.full(n, at_us + 100_000, np.int64),
        phases=phases,
        http_status=np.zeros(n, np.int16),
        evidence={},
    )


def measure(share: float) -> float:
    """Results per second of processor time over `ROUNDS` intervals, with this share of the attempts failing."""
    rng = np.random.default_rng(1)
    policies = Policies({check: policy_of(check) for check in range(1, CHECKS + 1)}, {}, {})
    state = ShardState()
    nobody: frozenset[str] = frozenset()
    advance(state, policies, nobody, 0)
    spent = 0.0
    results = 0
    for number in range(1, ROUNDS + 2):
        for rank, region in enumerate(REGIONS):
            checks = rng.permutation(np.arange(1, CHECKS + 1, dtype=np.int64))
            for first in range(0, CHECKS, BATCH):
                own = checks[first : first + BATCH]
                at_us = number * INTERVAL_US + rank * INTERVAL_US // len(REGIONS) + first
                batch = batch_of(region, own, rng.random(len(own)) < share, at_us)
                began = time.process_time()
                apply_results(state, batch, policies, nobody, at_us + 100_000)
                if first % (BATCH * 40) == 0:
                    advance(state, policies, nobody, at_us + 100_000)
                if number > 1:  # the first round makes every check known
                    spent += time.process_time() - began
                    results += len(own)
    return results / spent


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    quiet, failing = measure(0.0), measure(0.01)
    table = Table(
        title=f"Decision core, {CHECKS:,} checks in {len(REGIONS)} regions, batches of {BATCH}", title_justify="left"
    )
    table.add_column("results")
    table.add_column("per second of one core", justify="right")
    table.add_row("every attempt good", f"{quiet:,.0f}")
    table.add_row("1 % of attempts failing", f"{failing:,.0f}")
    Console().print(table)
    print(json.dumps({"quiet_results_per_second": round(quiet), "failing_results_per_second": round(failing)}))


if __name__ == "__main__":
    main()
