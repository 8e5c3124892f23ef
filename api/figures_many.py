"""The figures of very many sites at once: the sweep of `api.figures` over numpy columns, with the same exact integers.

1. Every life, interval and announced span, cut to its site's window, becomes two steps: +1 where it begins, −1 where it ends.
2. Steps are sorted by site and instant; running sums say how many checks stood how after each.
3. The time to the site's next step is added to the standing that follows from those sums.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from api.figures import Durations, Standing
from quivive.domain.words import State

Ints = NDArray[np.int64]

_MAINTENANCE, _WATCHED, _DOWN, _UNKNOWN, _PARTIAL = range(5)
"""What is counted. A check is watched while it lives and is not paused."""
_COUNTED = {State.DOWN: _DOWN, State.PARTIAL_OUTAGE: _PARTIAL}
STANDINGS = (
    Standing.OUTSIDE,
    Standing.MAINTENANCE,
    Standing.DOWN,
    Standing.UNKNOWN,
    Standing.PARTIAL_OUTAGE,
    Standing.UP,
)


@dataclass(frozen=True, slots=True)
class Lives:
    """One row per critical check: its site as a row of `Windows`, and its life. Microseconds throughout."""

    site: Ints
    start: Ints
    end: Ints


@dataclass(frozen=True, slots=True)
class Recorded:
    """One row per interval: its check as a row of `Lives`, its span, and its `State`. Those of a check do not overlap."""

    life: Ints
    start: Ints
    end: Ints
    state: Ints


@dataclass(frozen=True, slots=True)
class Spans:
    """One row per span of a site, such as announced maintenance; they may overlap."""

    site: Ints
    start: Ints
    end: Ints


@dataclass(frozen=True, slots=True)
class Windows:
    """One row per site."""

    start: Ints
    end: Ints


def measure_many(windows: Windows, lives: Lives, recorded: Recorded, maintenance: Spans) -> list[Durations]:
    """The durations of each site, in the order of `windows`."""
    totals = _totals(len(windows.start), *_steps(windows, lives, recorded, maintenance))
    column = {standing: totals[:, STANDINGS.index(standing)] for standing in Standing}
    up = column[Standing.UP] + column[Standing.PARTIAL_OUTAGE]
    columns = (
        up,
        *(column[s] for s in (Standing.DOWN, Standing.UNKNOWN, Standing.PARTIAL_OUTAGE, Standing.MAINTENANCE)),
    )
    return [Durations(*row) for row in zip(*(values.tolist() for values in columns), strict=True)]


def _steps(windows: Windows, lives: Lives, recorded: Recorded, maintenance: Spans) -> tuple[Ints, Ints, Ints, Ints]:
    """(site, instant, what is counted, +1 or −1) of all steps, in no order."""
    life_start = np.maximum(lives.start, windows.start[lives.site])
    life_end = np.minimum(lives.end, windows.end[lives.site])
    start = np.maximum(recorded.start, life_start[recorded.life])
    end = np.minimum(recorded.end, life_end[recorded.life])
    site = lives.site[recorded.life]
    parts = [
        _both(lives.site, life_start, life_end, _WATCHED, 1),
        _both(lives.site, life_start, life_end, _UNKNOWN, 1),
        _both(
            maintenance.site,
            np.maximum(maintenance.start, windows.start[maintenance.site]),
            np.minimum(maintenance.end, windows.end[maintenance.site]),
            _MAINTENANCE,
            1,
        ),
    ]
    for state in (State.UP, State.PARTIAL_OUTAGE, State.DOWN, State.PAUSED):
        rows = recorded.state == state
        span = site[rows], start[rows], end[rows]
        # Where something is recorded, the check is not unknown any more.
        parts.append(_both(*span, _UNKNOWN, -1))
        if state is State.PAUSED:
            parts.append(_both(*span, _WATCHED, -1))
        elif state in _COUNTED:
            parts.append(_both(*span, _COUNTED[state], 1))
    sites, instants, kinds, deltas = (np.concatenate(column) for column in zip(*parts, strict=True))
    return sites, instants, kinds, deltas


def _both(site: Ints, start: Ints, end: Ints, kind: int, delta: int) -> tuple[Ints, Ints, Ints, Ints]:
    """The two steps of each span that is not empty."""
    kept = start < end
    site, start, end = site[kept], start[kept], end[kept]
    count = len(site)
    return (
        np.concatenate([site, site]),
        np.concatenate([start, end]),
        np.full(2 * count, kind, np.int64),
        np.concatenate([np.full(count, delta, np.int64), np.full(count, -delta, np.int64)]),
    )


def _totals(sites: int, site: Ints, instant: Ints, kind: Ints, delta: Ints) -> Ints:
    """Microseconds by site and standing, the latter in the order of `STANDINGS`."""
    order = np.lexsort((instant, site))
    site, instant, kind, delta = site[order], instant[order], kind[order], delta[order]
    # Each site's steps add up to nothing, so that the sums begin anew with every site by themselves.
    maintained, watched, down, unknown, partial = (np.cumsum(np.where(kind == number, delta, 0)) for number in range(5))
    standing = np.select(
        [watched == 0, maintained > 0, down > 0, unknown > 0, partial > 0],
        [0, 1, 2, 3, 4],
        5,
    )
    lasting = np.zeros(len(site), np.int64)
    lasting[:-1] = np.where(site[1:] == site[:-1], instant[1:] - instant[:-1], 0)
    totals = np.zeros((sites, len(STANDINGS)), np.int64)
    np.add.at(totals, (site, standing), lasting)
    return totals
