"""Attaches to decisions the votes that they rest on."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeGuard

from aggregator.decide.counted import Counted, Standing, Voice
from aggregator.decide.policy import Policy
from aggregator.decide.transitions import (
    IncidentConfirmed,
    IncidentReopened,
    IncidentResolved,
    StateChanged,
    SuspicionRetracted,
    Transition,
)
from aggregator.decide.votes import Vote

Decision = StateChanged | SuspicionRetracted | IncidentConfirmed | IncidentReopened | IncidentResolved


def is_decision(transition: Transition) -> TypeGuard[Decision]:
    """Whether the transition is one that votes decided."""
    return isinstance(transition, Decision)


def testify(
    transitions: list[Transition], votes: Mapping[str, Vote | None], policy: Policy, blind: frozenset[str], now_us: int
) -> list[Transition]:
    """The transitions, each decision with what was counted for it."""
    if not any(is_decision(transition) for transition in transitions):
        return transitions
    counted = Counted(
        now_us,
        policy.quorum,
        tuple(_voice(region, votes.get(region), policy, blind, now_us) for region in policy.regions),
    )
    return [replace(t, counted=counted) if is_decision(t) else t for t in transitions]


def _voice(region: str, vote: Vote | None, policy: Policy, blind: frozenset[str], now_us: int) -> Voice:
    if vote is None:
        return Voice(region, Standing.BLIND if region in blind else Standing.SILENT)
    if region in blind:
        standing = Standing.BLIND
    elif vote.end_us <= now_us - policy.freshness_us:
        standing = Standing.STALE
    elif vote.void:
        standing = Standing.VOID
    elif vote.lasting:
        standing = Standing.PARTIAL
    else:
        standing = Standing.COUNTED
    return Voice(region, standing, vote.up, vote.end_us, vote.failing)
