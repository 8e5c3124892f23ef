"""What a monitor concluded about a world, and how that compares with the truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from world import S, World, merged


@dataclass(frozen=True, slots=True)
class Found:
    """An outage as a monitor reported it. `end_us` is the world's end where it was never resolved."""

    site: int
    start_us: int
    confirm_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class Score:
    """One rule on one world."""

    incidents: int
    false_incidents: int
    true_outages: int
    missed_outages: int
    detect_p50_s: float | None
    detect_p95_s: float | None
    detect_p99_s: float | None
    down_error: float | None
    """|measured − true| down time over the true; None without any."""
    wrong_share: float
    """Share of site time counted as up while it was down, or as down while it was up."""
    delays_s: tuple[float, ...]
    """From each found outage's start to its confirmation."""


def score(
    world: World,
    found: Sequence[Found],
    quorum: int,
    *,
    shortest_us: int | None = None,
    measured: Mapping[int, Sequence[tuple[int, int]]] | None = None,
) -> Score:
    """Compare with the truth: outages of at least `shortest_us` (an interval unless given) that reached a quorum.

    An incident is false when it overlaps no true outage of its site, with an interval of grace behind it; a shorter outage that
    is found is neither false nor missed. `measured` are the spans counted as down, per site, where they are not the incidents.
    """
    truth = world.truth(quorum)
    shortest_us = world.interval_us if shortest_us is None else shortest_us
    by_site: dict[int, list[Found]] = {}
    for incident in found:
        by_site.setdefault(incident.site, []).append(incident)
    false = sum(
        not any(
            incident.start_us < end + world.interval_us and start < incident.end_us + 1
            for start, end in truth.get(site, [])
        )
        for site, incidents in by_site.items()
        for incident in incidents
    )
    delays: list[float] = []
    due = missed = 0
    for site, spans in truth.items():
        for start, end in spans:
            if end - start < shortest_us or start + shortest_us > world.duration_us:
                continue
            due += 1
            confirms = [
                i.confirm_us
                for i in by_site.get(site, [])
                if start <= i.confirm_us and i.start_us < end + world.interval_us
            ]
            ongoing = any(i.confirm_us < start < i.end_us for i in by_site.get(site, []))
            if confirms:
                delays.append((min(confirms) - start) / S)
            elif not ongoing:
                missed += 1
    true_us = sum(end - start for spans in truth.values() for start, end in spans)
    if measured is None:
        measured = {site: merged([(i.start_us, i.end_us) for i in incidents]) for site, incidents in by_site.items()}
    measured_us = sum(end - start for spans in measured.values() for start, end in spans)
    both_us = sum(_overlap(spans, measured.get(site, [])) for site, spans in truth.items())
    wrong_us = (true_us - both_us) + (measured_us - both_us)
    p50, p95, p99 = (np.percentile(delays, [50, 95, 99]).tolist()) if delays else (None, None, None)
    return Score(
        incidents=len(found),
        false_incidents=false,
        true_outages=due,
        missed_outages=missed,
        detect_p50_s=p50,
        detect_p95_s=p95,
        detect_p99_s=p99,
        down_error=abs(measured_us - true_us) / true_us if true_us else None,
        wrong_share=wrong_us / (world.sites * world.duration_us),
        delays_s=tuple(delays),
    )


def _overlap(left: Sequence[tuple[int, int]], right: Sequence[tuple[int, int]]) -> int:
    return sum(max(0, min(a_end, b_end) - max(a_start, b_start)) for a_start, a_end in left for b_start, b_end in right)
