"""The world that monitors are put into: sites with outages, networks with faults, and what a look at a site meets.

Everything is a function of (seed, site, region, instant): every rule, however it chooses when to look, looks at the same world.
Times are integer microseconds of virtual time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

S = 1_000_000
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open span of a fault. `site` or `region` None means all of them; `rate` is the share of looks it strikes."""

    start_us: int
    end_us: int
    site: int | None = None
    regions: tuple[int, ...] | None = None
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class World:
    """`outages` are the truth about the sites; `faults` are networks' and lie about them; the rest is the monitor's own trouble."""

    name: str
    seed: int
    sites: int
    regions: tuple[str, ...]
    interval_us: int
    duration_us: int
    outages: tuple[Span, ...] = ()
    faults: tuple[Span, ...] = ()
    stalls: tuple[Span, ...] = ()
    """The bus delivers nothing; what was sent arrives when it ends."""
    deaths: tuple[Span, ...] = ()
    """Agents of these regions are dead."""
    clock_offsets_us: tuple[int, ...] = ()
    """Uncorrected error of each region's clock."""
    latency_us: int = 80_000
    loss_timeout_us: int = 10 * S
    """A lost attempt runs into its timeout; a real failure answers after the latency."""
    _by_site: dict[int, tuple[Span, ...]] = field(init=False, repr=False, compare=False)
    _struck: Times = field(init=False, repr=False, compare=False)
    """Sites with spans of their own."""
    _wide: tuple[Span, ...] = field(init=False, repr=False, compare=False)
    """Spans that strike every site."""

    def __post_init__(self) -> None:
        by_site: dict[int, list[Span]] = {}
        for span in self.outages + self.faults:
            if span.site is not None:
                by_site.setdefault(span.site, []).append(span)
        object.__setattr__(self, "_by_site", {site: tuple(spans) for site, spans in by_site.items()})
        object.__setattr__(self, "_struck", np.array(sorted(by_site), np.int64))
        object.__setattr__(self, "_wide", tuple(span for span in self.faults + self.outages if span.site is None))

    @property
    def slots(self) -> int:
        return self.duration_us // self.interval_us

    @property
    def results(self) -> int:
        """Scheduled results: the size of the trace."""
        return self.sites * len(self.regions) * self.slots

    def fails(self, sites: Times, region: int, at_us: Times) -> NDArray[np.bool_]:
        """Whether a look from a region at each (site, instant) fails."""
        failing = np.zeros(len(sites), np.bool_)
        for span in self._wide:
            if span.regions is None or region in span.regions:
                struck = (at_us >= span.start_us) & (at_us < span.end_us)
                if span.rate < 1.0 and struck.any():
                    struck &= chance(self.seed, sites, region, at_us) < span.rate
                failing |= struck
        for i in np.flatnonzero(np.isin(sites, self._struck)).tolist():
            failing[i] |= self.fails_once(int(sites[i]), region, int(at_us[i]))
        return failing

    def fails_once(self, site: int, region: int, at_us: int) -> bool:
        """The same for one look."""
        for span in self._wide + self._by_site.get(site, ()):
            if (
                span.start_us <= at_us < span.end_us
                and (span.regions is None or region in span.regions)
                and (span.rate >= 1.0 or chance(self.seed, np.array([site]), region, np.array([at_us]))[0] < span.rate)
            ):
                return True
        return False

    def truth(self, quorum: int) -> dict[int, list[tuple[int, int]]]:
        """Per site, the merged spans in which it really was down for at least `quorum` regions."""
        spans: dict[int, list[tuple[int, int]]] = {}
        for outage in self.outages:
            if outage.regions is not None and len(outage.regions) < quorum:
                continue
            for site in range(self.sites) if outage.site is None else (outage.site,):
                spans.setdefault(site, []).append((outage.start_us, min(outage.end_us, self.duration_us)))
        return {site: merged(found) for site, found in spans.items()}

    def dead(self, region: int, at_us: int) -> bool:
        return any(_covers(span, region, at_us) for span in self.deaths)

    def stalled_until(self, at_us: int) -> int:
        """When something sent at `at_us` arrives."""
        return max((span.end_us for span in self.stalls if span.start_us <= at_us < span.end_us), default=at_us)


def _covers(span: Span, region: int, at_us: int) -> bool:
    return span.start_us <= at_us < span.end_us and (span.regions is None or region in span.regions)


def chance(seed: int, sites: Times, region: int, at_us: Times) -> NDArray[np.float64]:
    """A number in 0..1 for each (site, region, instant): SplitMix64's finaliser (Steele, Lea, Flood 2014) over all of them."""
    with np.errstate(over="ignore"):
        z = sites.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + at_us.astype(np.uint64)
        z ^= np.uint64((seed * 0xD1342543DE82EF95 + region * 0x2545F4914F6CDD1D) & (2**64 - 1))
        for _ in range(2):
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z ^= z >> np.uint64(31)
    return z.astype(np.float64) / 2.0**64


def merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Overlapping and touching spans made one, in order."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
