"""The rules that other monitors use, from their public descriptions, in the same simulated world.

Each sees the scheduled looks of its regions in the order of time and says when a site is down. What they ask for beyond their
schedule (retries, verifiers) is looked up in the world at the instant they would ask.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from outcome import Found
from world import S, World

from quivive.domain.checks import phase_us

RETRY_US = S
"""A verifier or a retry answers about this much later."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A scheduled look: when it was made, when its answer was in, and whether it failed."""

    at_us: int
    answer_us: int
    region: int
    failed: bool


Verdict = Callable[[Seen], bool | None]
"""Takes the next look; True from when the site is down, False from when it is up, None for no news."""
Rule = Callable[[World, int], Verdict]
"""A fresh verdict for one site of a world."""


def single_origin(world: World, site: int) -> Verdict:
    """One origin, three consecutive failures; up at the first success."""
    streak = 0

    def decide(seen: Seen) -> bool | None:
        nonlocal streak
        if seen.region != 0:
            return None
        streak = streak + 1 if seen.failed else 0
        return streak >= 3 if streak in (0, 3) else None

    return decide


def _last_votes(world: World, down: Callable[[int, int], bool]) -> Verdict:
    """Judge by each region's last answer, however old; `down(failing, regions)`."""
    last: dict[int, bool] = {}

    def decide(seen: Seen) -> bool | None:
        last[seen.region] = seen.failed
        return down(sum(last.values()), len(world.regions))

    return decide


def any_region(world: World, site: int) -> Verdict:
    """Any single region's failure."""
    return _last_votes(world, lambda failing, regions: failing >= 1)


def unanimity(world: World, site: int) -> Verdict:
    """Every region's last answer is a failure."""
    return _last_votes(world, lambda failing, regions: failing >= regions)


def half(world: World, site: int) -> Verdict:
    """At least half of the regions' last answers are failures."""
    return _last_votes(world, lambda failing, regions: 2 * failing >= regions)


def checkers_18_percent(world: World, site: int) -> Verdict:
    """Each checker needs three consecutive failures; the site is healthy while more than 18 % of the checkers say so."""
    streaks = dict.fromkeys(range(len(world.regions)), 0)

    def decide(seen: Seen) -> bool | None:
        streaks[seen.region] = streaks[seen.region] + 1 if seen.failed else 0
        healthy = sum(streak < 3 for streak in streaks.values())
        return healthy / len(streaks) <= 0.18

    return decide


def three_of_four_at_once(world: World, site: int) -> Verdict:
    """A failure makes all four regions look at once; three failures of the four are an outage, and so is its end judged."""
    down = False

    def decide(seen: Seen) -> bool | None:
        nonlocal down
        if seen.failed != down:
            again = sum(
                world.fails_once(site, region, seen.answer_us + RETRY_US)
                for region in range(4)
                if region != seen.region
            )
            down = again + seen.failed >= 3
        return down

    return decide


def round_robin(world: World, site: int) -> Verdict:
    """Regions take turns, one look per interval; three consecutive failures, up at the first success."""
    streak = turn = 0

    def decide(seen: Seen) -> bool | None:
        nonlocal streak, turn
        if seen.region != turn % len(world.regions) or seen.at_us // world.interval_us < turn:
            return None
        turn = seen.at_us // world.interval_us + 1
        streak = streak + 1 if seen.failed else 0
        return streak >= 3 if streak in (0, 3) else None

    return decide


def local_then_verifiers(world: World, site: int) -> Verdict:
    """Three local failures, then min(healthy, 3) verifiers in other regions must agree; up at the first local success.

    A verifier is healthy while its agent lives; with none left the local word stands.
    """
    streak = 0

    def decide(seen: Seen) -> bool | None:
        nonlocal streak
        if seen.region != 0:
            return None
        streak = streak + 1 if seen.failed else 0
        if streak == 0:
            return False
        if streak < 3:
            return None
        at_us = seen.answer_us + RETRY_US
        healthy = [region for region in range(1, len(world.regions)) if not world.dead(region, at_us)][:3]
        return all(world.fails_once(site, region, at_us) for region in healthy) or None

    return decide


RULES: dict[str, Rule] = {
    "one origin, 3 consecutive": single_origin,
    "any single region": any_region,
    "unanimity, no age limit": unanimity,
    "half of the regions, no age limit": half,
    "3 per checker, healthy above 18 %": checkers_18_percent,
    "3 of 4 regions at once": three_of_four_at_once,
    "3 consecutive in round robin": round_robin,
    "3 local, then min(healthy, 3) verifiers": local_then_verifiers,
}


@dataclass(slots=True)
class Looks:
    """Every scheduled look of a world, per region as a matrix (site, slot); made once and read by every rule."""

    world: World
    at_us: list[np.ndarray] = field(default_factory=list)
    failed: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        world = self.world
        sites = np.arange(1, world.sites + 1, dtype=np.int64)
        slots = np.arange(world.slots, dtype=np.int64) * world.interval_us
        ranks = len(world.regions)
        for region in range(ranks):
            phases = np.array([phase_us(site, region, ranks, world.interval_us) for site in sites.tolist()], np.int64)
            at = phases[:, None] + slots[None, :]
            failed = np.zeros(at.shape, np.bool_)
            for slot in range(world.slots):
                failed[:, slot] = world.fails(sites, region, at[:, slot])
            self.at_us.append(at)
            self.failed.append(failed)

    def troubled(self) -> list[int]:
        """Sites that met a failure at all: the others are up under every rule."""
        met = np.zeros(self.world.sites, np.bool_)
        for failed in self.failed:
            met |= failed.any(axis=1)
        return (np.flatnonzero(met) + 1).tolist()

    def of(self, site: int) -> Iterator[Seen]:
        """One site's looks in the order in which their answers came in; dead agents make none."""
        world = self.world
        seen = []
        for region in range(len(world.regions)):
            for at, failed in zip(
                self.at_us[region][site - 1].tolist(), self.failed[region][site - 1].tolist(), strict=True
            ):
                if not (world.deaths and world.dead(region, at)):
                    seen.append(Seen(at, world.stalled_until(at + world.latency_us), region, failed))
        seen.sort(key=lambda look: look.answer_us)
        return iter(seen)


def judge(looks: Looks, rule: Rule) -> list[Found]:
    """The outages that a rule finds. It starts at the first failing look of the run that led to it."""
    world = looks.world
    found: list[Found] = []
    for site in looks.troubled():
        decide = rule(world, site)
        start_us = confirm_us = first_failing_us = None
        for seen in looks.of(site):
            if seen.failed:
                first_failing_us = seen.at_us if first_failing_us is None else first_failing_us
            down = decide(seen)
            if down and start_us is None:
                start_us, confirm_us = first_failing_us if first_failing_us is not None else seen.at_us, seen.answer_us
            elif down is False:
                if start_us is not None and confirm_us is not None:
                    found.append(Found(site, start_us, confirm_us, max(seen.at_us, confirm_us)))
                    start_us = confirm_us = None
                if not seen.failed:
                    first_failing_us = None
        if start_us is not None and confirm_us is not None:
            found.append(Found(site, start_us, confirm_us, world.duration_us))
    return found
