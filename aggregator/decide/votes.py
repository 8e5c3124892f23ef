"""Rule 2: from a region's attempts to its vote."""

from bisect import bisect_left, insort
from dataclasses import dataclass, field

from aggregator.decide.policy import Policy
from quivive.domain.words import Cause

MOST_ATTEMPTS = 32
"""Attempts kept per region: far more than any vote needs, few enough for a long outage."""
ATTEMPT_GAP_US = 500_000
LONE_ATTEMPT_GAP_US = 5_000_000
CLOCK_GRAIN_US = 10_000
"""Attempts are timed in units of 0.1 ms per phase; this much short of the gap is still the gap."""
CONTRADICTED_ATTEMPTS = 3
"""Failing attempts that make a DOWN vote once another region voted UP since the suspicion opened."""
PARTIAL_SLOTS = 2
"""Slots that a region must find DOWN before the outage is called partial."""


@dataclass(frozen=True, slots=True, order=True)
class Attempt:
    """One try that casts a vote: UP, or failing. Orders by its end, on the bus's clock."""

    end_us: int
    slot_us: int
    number: int
    start_us: int
    up: bool
    cause: Cause


@dataclass(frozen=True, slots=True)
class Vote:
    """A region's word. `end_us` is its deciding attempt's end."""

    up: bool
    end_us: int
    failing: tuple[Attempt, ...] = ()
    """Of a DOWN vote: the streak it rests on, oldest first."""
    void: bool = False
    """Cast before a retraction or before the region went blind: no part of a quorum."""
    partial: bool = False
    """DOWN for two slots and more."""
    lasting: bool = False
    """In partial outage already, before the suspicion at hand: no part of a quorum unless everybody who sees is DOWN."""


@dataclass(slots=True)
class Ballot:
    """A region's newest attempts in the order of their ends; of a run of good ones only the first and the last are kept."""

    attempts: list[Attempt] = field(default_factory=list)
    void_us: int = 0
    """Failing attempts that ended up to here count for no quorum."""

    def add(self, attempt: Attempt) -> bool:
        """Take an attempt in at its place. False when it was known: a result is counted once, however often it comes."""
        at = bisect_left(self.attempts, attempt)
        if at < len(self.attempts) and self.attempts[at] == attempt:
            return False
        if any(a.slot_us == attempt.slot_us and a.number == attempt.number for a in self.attempts):
            return False
        insort(self.attempts, attempt)
        kept = self.attempts
        if 0 < at < len(kept) - 1 and kept[at - 1].up and attempt.up and kept[at + 1].up:
            del kept[at]
        elif at > 1 and attempt.up and kept[at - 1].up and kept[at - 2].up:
            del kept[at - 1]
        elif at < len(kept) - 2 and attempt.up and kept[at + 1].up and kept[at + 2].up:
            del kept[at + 1]
        del kept[:-MOST_ATTEMPTS]
        return True

    def streak(self) -> tuple[Attempt, ...]:
        """The failing attempts since the newest good one, oldest first."""
        streak: list[Attempt] = []
        for attempt in reversed(self.attempts):
            if attempt.up:
                break
            streak.append(attempt)
        return tuple(reversed(streak))

    def newest_up(self) -> Attempt | None:
        return next((attempt for attempt in reversed(self.attempts) if attempt.up), None)

    def recovered(self, since_us: int) -> Attempt | None:
        """The first good attempt after the newest failing one and after `since_us`; None when the newest is failing."""
        first_up = None
        for attempt in reversed(self.attempts):
            if not attempt.up or attempt.end_us <= since_us:
                break
            first_up = attempt
        return first_up

    def void(self, until_us: int) -> None:
        self.void_us = max(self.void_us, until_us)


def vote_of(
    ballot: Ballot,
    policy: Policy,
    contradicted_us: int | None,
    resolved_us: int | None = None,
    opened_us: int | None = None,
) -> Vote | None:
    """The region's vote, fresh or not; None while it has none.

    1. A good newest attempt is UP.
    2. Failing attempts in a row, apart by the gap between their starts, are DOWN from the second on; with |W| = 1 from the
       third; and from the third when the deciding one ended after `contradicted_us`, the first UP vote of another region
       since the suspicion opened.
    3. Fewer leave the last good vote standing.
    4. DOWN for two slots is partial; slots of an outage that the others saw end, at `resolved_us`, are not counted.
    5. A partial one is lasting unless the suspicion opened at `opened_us`, before there were two, and no longer ago than a vote
       is fresh: while it is undecided, the region is part of what is being decided.
    """
    if not ballot.attempts:
        return None
    newest = ballot.attempts[-1]
    if newest.up:
        return Vote(up=True, end_us=newest.end_us)
    streak = ballot.streak()
    if _is_down(streak, policy, contradicted_us):
        standing = tuple(attempt for attempt in streak if attempt.end_us > ballot.void_us)
        partial = _down_slots(streak, policy, resolved_us or 0) >= PARTIAL_SLOTS
        return Vote(
            up=False,
            end_us=newest.end_us,
            failing=standing or streak,
            void=not _is_down(standing, policy, contradicted_us),
            partial=partial,
            lasting=partial and _is_lasting(streak, policy, resolved_us or 0, opened_us),
        )
    before = ballot.newest_up()
    return Vote(up=True, end_us=before.end_us) if before else None


def _is_down(streak: tuple[Attempt, ...], policy: Policy, contradicted_us: int | None) -> bool:
    gap_us = (LONE_ATTEMPT_GAP_US if len(policy.regions) == 1 else ATTEMPT_GAP_US) - CLOCK_GRAIN_US
    counted = 0
    last_start_us = None
    for attempt in streak:
        if last_start_us is not None and attempt.start_us - last_start_us < gap_us:
            continue
        counted += 1
        last_start_us = attempt.start_us
        contradicted = contradicted_us is not None and attempt.end_us > contradicted_us
        if counted >= max(policy.down_attempts, CONTRADICTED_ATTEMPTS if contradicted else 0):
            return True
    return False


def _is_lasting(streak: tuple[Attempt, ...], policy: Policy, after_us: int, opened_us: int | None) -> bool:
    if opened_us is None or streak[-1].end_us - opened_us > policy.freshness_us:
        return True
    before = tuple(attempt for attempt in streak if attempt.end_us <= opened_us)
    return _down_slots(before, policy, after_us) >= PARTIAL_SLOTS


def _down_slots(streak: tuple[Attempt, ...], policy: Policy, after_us: int) -> int:
    """Slots of the streak, later than `after_us`, in which enough attempts failed for a vote."""
    failures: dict[int, int] = {}
    for attempt in streak:
        if attempt.slot_us > after_us:
            failures[attempt.slot_us] = failures.get(attempt.slot_us, 0) + 1
    return sum(1 for count in failures.values() if count >= policy.down_attempts)
