"""The seeded worlds that every rule is measured in. Each has about `results` scheduled results: sites × 3 regions × slots."""

import random
from collections.abc import Iterator

from world import S, Span, World

REGIONS = ("ap-south", "eu-west", "us-east")
INTERVAL_US = 30 * S
SLOTS = 240
"""Two hours of 30 s slots."""
DURATION_US = SLOTS * INTERVAL_US
WARM_UP_US = 120 * S
"""Nothing happens before every region has voted."""


def traces(results: int, seed: int = 1) -> Iterator[World]:
    """All worlds, together about `results` scheduled results."""
    builders = (
        quiet,
        loss_tenth_percent,
        loss_one_percent,
        single_region_loss,
        resolver_broken,
        rolling_region_outages,
        blocked_site,
        host_wide_outage,
        flapping_site,
        short_blips,
        geo_only_outage,
        bus_stall,
        clock_skew,
        everything,
    )
    sites = max(20, results // (len(builders) * len(REGIONS) * SLOTS))
    for number, builder in enumerate(builders):
        yield builder(sites, random.Random(seed * 1000 + number), seed * 1000 + number)


def _world(name: str, sites: int, seed: int, **rest: object) -> World:
    return World(name, seed, sites, REGIONS, INTERVAL_US, DURATION_US, **rest)  # type: ignore[arg-type]


def _outages(
    sites: int, rnd: random.Random, share: float, shortest_s: int = 60, longest_s: int = 900
) -> tuple[Span, ...]:
    """Real outages of a share of the sites, at any phase of the grid."""
    found = []
    for site in rnd.sample(range(1, sites + 1), max(1, round(sites * share))):
        start_us = rnd.randrange(WARM_UP_US, DURATION_US - 2 * longest_s * S)
        found.append(Span(start_us, start_us + rnd.randrange(shortest_s * S, longest_s * S), site=site))
    return tuple(found)


def quiet(sites: int, rnd: random.Random, seed: int) -> World:
    return _world("quiet fleet", sites, seed)


def loss_tenth_percent(sites: int, rnd: random.Random, seed: int) -> World:
    faults = (Span(0, DURATION_US, rate=0.001),)
    return _world("0.1 % of attempts lost", sites, seed, faults=faults)


def loss_one_percent(sites: int, rnd: random.Random, seed: int) -> World:
    faults = (Span(0, DURATION_US, rate=0.01),)
    return _world("1 % of attempts lost", sites, seed, faults=faults)


def single_region_loss(sites: int, rnd: random.Random, seed: int) -> World:
    faults = (Span(1800 * S, 5400 * S, regions=(1,), rate=0.2),)
    return _world("one region loses 20 % for an hour", sites, seed, faults=faults, outages=_outages(sites, rnd, 0.02))


def resolver_broken(sites: int, rnd: random.Random, seed: int) -> World:
    faults = (Span(1800 * S, 3600 * S, regions=(2,)),)
    return _world("one region's DNS broken", sites, seed, faults=faults, outages=_outages(sites, rnd, 0.02))


def rolling_region_outages(sites: int, rnd: random.Random, seed: int) -> World:
    deaths = tuple(Span((600 + 1500 * i) * S, (1500 + 1500 * i) * S, regions=(i,)) for i in range(3))
    return _world(
        "rolling region outages", sites, seed, deaths=deaths, outages=_outages(sites, rnd, 0.02, longest_s=300)
    )


def blocked_site(sites: int, rnd: random.Random, seed: int) -> World:
    faults = tuple(Span(WARM_UP_US, DURATION_US, site=site, regions=(0,)) for site in range(1, 1 + max(1, sites // 50)))
    return _world("some sites blocked in one region throughout", sites, seed, faults=faults)


def host_wide_outage(sites: int, rnd: random.Random, seed: int) -> World:
    start_us = rnd.randrange(WARM_UP_US, DURATION_US // 2)
    outages = tuple(Span(start_us, start_us + 700 * S, site=site) for site in range(1, 1 + sites // 4))
    return _world("a quarter of the sites falls with its host", sites, seed, outages=outages)


def flapping_site(sites: int, rnd: random.Random, seed: int) -> World:
    outages = []
    for site in range(1, 1 + max(1, sites // 100)):
        at_us = rnd.randrange(WARM_UP_US, 600 * S)
        for _ in range(12):
            outages.append(Span(at_us, at_us + 60 * S, site=site))
            at_us += 120 * S
    return _world("flapping sites", sites, seed, outages=tuple(outages))


def short_blips(sites: int, rnd: random.Random, seed: int) -> World:
    outages = _outages(sites, rnd, 0.3, shortest_s=19, longest_s=20)
    return _world("20-second blips", sites, seed, outages=outages)


def geo_only_outage(sites: int, rnd: random.Random, seed: int) -> World:
    faults = tuple(
        Span(at := rnd.randrange(WARM_UP_US, DURATION_US // 2), at + 1200 * S, site=site, regions=(site % 3,))
        for site in range(1, 1 + sites // 10)
    )
    return _world("outages that one region alone sees", sites, seed, faults=faults)


def bus_stall(sites: int, rnd: random.Random, seed: int) -> World:
    stalls = (Span(2400 * S, 2430 * S), Span(4200 * S, 4320 * S))
    return _world(
        "the bus stalls for 30 s and for 2 min", sites, seed, stalls=stalls, outages=_outages(sites, rnd, 0.02)
    )


def clock_skew(sites: int, rnd: random.Random, seed: int) -> World:
    offsets = (0, 3 * S, -3 * S)
    return _world(
        "clocks 3 s off either way", sites, seed, clock_offsets_us=offsets, outages=_outages(sites, rnd, 0.02)
    )


def everything(sites: int, rnd: random.Random, seed: int) -> World:
    return _world(
        "everything at once",
        sites,
        seed,
        outages=_outages(sites, rnd, 0.03),
        faults=(
            Span(0, DURATION_US, rate=0.001),
            Span(1800 * S, 2400 * S, regions=(2,)),
            Span(WARM_UP_US, DURATION_US, site=1, regions=(0,)),
        ),
        deaths=(Span(4000 * S, 4600 * S, regions=(1,)),),
        stalls=(Span(5400 * S, 5430 * S),),
        clock_offsets_us=(0, 2 * S, -1 * S),
    )
