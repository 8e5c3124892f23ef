"""Rule 7's comparison: a region that finds many sites down which every other region finds up is blind, not right."""

from collections import Counter
from collections.abc import Iterable, Mapping

from aggregator.decide.case import Case
from aggregator.decide.policy import Policy

FEWEST_CHECKS = 5
"""Fewer sites than this may well be blocked in one region only."""
BLIND_SHARE = 0.2
SIGHTED_SHARE = 0.1
"""Of its checks: blind from the first share on, sighted again below the second."""


def lone_failures(cases: Iterable[Case], otherwise_blind: frozenset[str]) -> Counter[str]:
    """Per region, the checks that it alone finds failing while every other sighted region found them up after its failure.

    `otherwise_blind` are the regions that are blind for another reason: they neither accuse nor witness.
    """
    lone: Counter[str] = Counter()
    for case in cases:
        failing = [
            region
            for region, ballot in case.ballots.items()
            if region not in otherwise_blind and len(ballot.streak()) >= case.policy.down_attempts
        ]
        if len(failing) != 1:
            continue
        (region,) = failing
        since_us = case.ballots[region].streak()[0].end_us
        witnesses = [other for other in case.policy.regions if other != region and other not in otherwise_blind]
        if witnesses and all(_up_after(case, other, since_us) for other in witnesses):
            lone[region] += 1
    return lone


def _up_after(case: Case, region: str, since_us: int) -> bool:
    ballot = case.ballots.get(region)
    newest = ballot.attempts[-1] if ballot is not None and ballot.attempts else None
    return newest is not None and newest.up and newest.end_us > since_us


def watched_checks(policies: Iterable[Policy]) -> Counter[str]:
    """Per region, the checks it looks at."""
    return Counter(region for policy in policies for region in policy.regions)


def blind_by_comparison(before: frozenset[str], lone: Mapping[str, int], watched: Mapping[str, int]) -> frozenset[str]:
    """The regions whose sight is doubted now, given those that were; the two shares keep it from flickering."""
    return frozenset(
        region
        for region, checks in watched.items()
        if lone.get(region, 0) >= max(FEWEST_CHECKS, checks * (SIGHTED_SHARE if region in before else BLIND_SHARE))
    )
