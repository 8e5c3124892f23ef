"""Learning what a page is like, as pure data: what is known and what was sighted in, what is known now and what is strange out.

1. Nothing known: wait for enough sightings that agree, from two regions or the only one.
2. Sightings that fit what is known, from as many regions, widen it.
3. Sightings that do not fit, the same from as many regions, are drift: told once, then part of the page's past. Where drift is an
   outage, votes decide, and what is known stays until the operator says that the page may be new.
4. One region alone proves nothing: what it saw waits, and is forgotten.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from quivive.domain.pages import FAR_BITS, PageBaseline, PageFeatures, bits_apart, findings
from quivive.domain.times import SECOND_US

ENOUGH = 6
"""Sightings that a first baseline takes."""
REGIONS = 2
WAIT_US = 3600 * SECOND_US
"""How long a sighting waits for others to agree with it."""
MOST_TITLES = 5
MOST_HOSTS = 256
WIDEST_SPREAD = 16


@dataclass(frozen=True, slots=True)
class Sighting:
    """A page as a region saw it."""

    region: str
    slot_us: int
    page: PageFeatures


@dataclass(frozen=True, slots=True)
class Lesson:
    """What came of some sightings."""

    known: PageBaseline | None
    strange: tuple[str, ...] = ()
    """What is to be told."""
    done: tuple[Sighting, ...] = ()
    """Those that need not be looked at again."""


def learn(
    known: PageBaseline | None, sightings: Sequence[Sighting], *, regions: int, outage: bool, now_us: int
) -> Lesson:
    """What `sightings`, in their order, teach; `regions` look at the page."""
    needed = min(REGIONS, regions)
    old = tuple(sighting for sighting in sightings if sighting.slot_us < now_us - WAIT_US)
    fresh = [sighting for sighting in sightings if sighting.slot_us >= now_us - WAIT_US]
    if known is None:
        agreeing = _agreeing(fresh)
        if len(agreeing) < ENOUGH or _regions(agreeing) < needed:
            return Lesson(None, done=old)
        return Lesson(_widened(None, agreeing), done=tuple(sightings))
    fitting = [sighting for sighting in fresh if not findings(known, sighting.page)]
    strange = [sighting for sighting in fresh if findings(known, sighting.page)]
    told: tuple[str, ...] = ()
    done = list(old)
    if _regions(fitting) >= needed:
        known, done = _widened(known, fitting), [*done, *fitting]
    agreeing = _agreeing(strange)
    if outage:
        done += strange
    elif agreeing and _regions(agreeing) >= needed:
        told = tuple(findings(known, agreeing[-1].page))
        known, done = _widened(known, agreeing), [*done, *agreeing]
    return Lesson(known, told, tuple(done))


def _agreeing(sightings: Sequence[Sighting]) -> list[Sighting]:
    """The sightings whose texts resemble the one that most others resemble."""

    def like(one: Sighting) -> list[Sighting]:
        return [s for s in sightings if bits_apart(one.page.text_hash, s.page.text_hash) <= FAR_BITS]

    return max((like(sighting) for sighting in sightings), key=len, default=[])


def _regions(sightings: Sequence[Sighting]) -> int:
    return len({sighting.region for sighting in sightings})


def _widened(known: PageBaseline | None, sightings: Sequence[Sighting]) -> PageBaseline:
    """What is known, and what the sightings add to it; the newest text stands for all."""
    newest = sightings[-1].page
    base = known or PageBaseline(text_hash=newest.text_hash)
    titles = list(base.titles)
    for sighting in sightings:
        if sighting.page.title in titles:
            titles.remove(sighting.page.title)
        titles.append(sighting.page.title)
    apart = [bits_apart(newest.text_hash, sighting.page.text_hash) for sighting in sightings]
    hosts = base.script_hosts.union(*(sighting.page.script_hosts for sighting in sightings))
    return replace(
        base,
        titles=tuple(titles[-MOST_TITLES:]),
        text_hash=newest.text_hash,
        words=newest.words,
        text_spread=min(max(base.text_spread, *apart), WIDEST_SPREAD),
        script_hosts=frozenset(sorted(hosts)[:MOST_HOSTS]),
        outgoing_links=max(base.outgoing_links, *(sighting.page.outgoing_links for sighting in sightings)),
        hidden_links=max(base.hidden_links, *(sighting.page.hidden_links for sighting in sightings)),
    )
