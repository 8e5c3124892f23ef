"""The decision core's face: one shard's state, what changes it, and what comes of it.

    state = ShardState()
    transitions = apply_results(state, results, policies, blind, now_us)
    transitions = advance(state, policies, blind, now_us)
    saved = dump(state); state = restore(saved)          (aggregator.decide.snapshot)

The functions change `state` in place and await nothing. `blind` are the regions whose votes do not count. `now_us` is the bus's
timestamp of the message at hand; `advance` is given the clock's only while the bus is idle. `advance` also meets new checks
(UNKNOWN from their creation), checks that ended (paused, deleted), and votes that grew old.
"""

from dataclasses import dataclass, field

import numpy as np

from aggregator.decide.case import Case
from aggregator.decide.late import Backlog, replay
from aggregator.decide.policy import Policies, Policy
from aggregator.decide.quiet import Quiet
from aggregator.decide.transitions import StateChanged, Transition
from aggregator.decide.votes import Attempt
from aggregator.results import Results
from quivive.domain.words import Cause, Outcome, State

LAST_VOTING = Outcome.DOWN
"""UP and DOWN vote; the outcomes behind them do not."""


@dataclass(slots=True)
class ShardState:
    """Votes, suspicions, states and open incidents of one shard's checks."""

    quiet: Quiet = field(default_factory=Quiet)
    cases: dict[int, Case] = field(default_factory=dict)
    blind: frozenset[str] = frozenset()
    """The regions that were blind when it last decided."""
    late: dict[str, Backlog] = field(default_factory=dict)
    """Evidence that came too late to vote, by check and revision ("7/1"), until no more of it comes."""
    policies: Policies | None = None
    """What it was last brought in line with."""


def apply_results(
    state: ShardState, results: Results, policies: Policies, blind: frozenset[str], now_us: int
) -> list[Transition]:
    """Take one batch in; results of checks or revisions that nobody knows are passed over.

    1. Good votes of quiet checks go into the arrays.
    2. Of the rest, those that vote, of a region in W and under the current revision, go to their check's case, in the order of
       their ends; those that come too late to vote, under whatever revision they carry, are kept for `advance`.
    """
    transitions = _meet_blindness(state, blind, now_us)
    taken = state.quiet.take(results, state.quiet.find(results.check), now_us)
    rest = np.flatnonzero(~taken & (results.outcome <= LAST_VOTING))
    if not len(rest):
        return transitions
    starts = results.start_us
    for i in rest[np.argsort(results.end_us[rest], kind="stable")].tolist():
        check = int(results.check[i])
        revision = int(results.revision[i])
        policy = policies.current.get(check)
        is_current = policy is not None and policy.revision == revision
        if not is_current:
            policy = policies.revisions.get((check, revision))
        if policy is None or results.region not in policy.regions:
            continue
        end_us = int(results.end_us[i])
        attempt = Attempt(
            end_us=end_us,
            slot_us=int(results.slot_us[i]),
            number=int(results.attempt[i]),
            start_us=int(starts[i]),
            up=results.outcome[i] == Outcome.UP,
            cause=Cause(int(results.cause[i])),
        )
        if now_us - end_us > policy.freshness_us:
            _keep_late(state, policy, results.region, attempt, now_us)
            continue
        if not is_current:
            continue
        case, met = _case(state, policy, now_us)
        transitions += met
        transitions += case.take(results.region, attempt, blind, now_us)
    return transitions


def advance(state: ShardState, policies: Policies, blind: frozenset[str], now_us: int) -> list[Transition]:
    """Let time pass up to `now_us`. Without transitions it leaves what is decided as it was.

    1. Meet blindness, ended checks, new checks and new revisions.
    2. Wake quiet checks that run short of fresh votes; review the cases that are due.
    3. Lay those to rest that need no watching.
    4. Replay late evidence of which no more comes.
    """
    transitions = _meet_blindness(state, blind, now_us) + _meet_policies(state, policies, now_us)
    for check in state.quiet.stale(blind, now_us):
        state.cases[check] = state.quiet.wake(check)
    for check, case in list(state.cases.items()):
        if case.due_us <= now_us:
            transitions += case.review(blind, now_us)
            if case.at_rest(now_us):
                state.quiet.settle(state.cases.pop(check))
    for key in [key for key, backlog in state.late.items() if backlog.settled(now_us)]:
        own = state.cases.get(state.late[key].policy.check)
        live = own.outage if own is not None and own.down else None
        told = replay(state.late[key], live, now_us)
        if own is not None and own.state is State.UNKNOWN and state.late[key].awaits_live_votes(told, now_us):
            continue
        del state.late[key]
        transitions += told
    return transitions


def _case(state: ShardState, policy: Policy, now_us: int) -> tuple[Case, list[Transition]]:
    """The check's case under its current policy, made or woken where there is none."""
    case = state.cases.get(policy.check)
    if case is None and state.quiet.holds(policy.check):
        case = state.cases[policy.check] = state.quiet.wake(policy.check)
    if case is None:
        since_us = min(policy.create_time_us, now_us)
        state.cases[policy.check] = case = Case(policy, State.UNKNOWN, since_us)
        met = StateChanged(policy.check, since_us, State.UNKNOWN, "watched from here on", met_us=now_us)
        return case, [met]
    return case, case.adopt(policy, now_us) if case.policy != policy else []


def _keep_late(state: ShardState, policy: Policy, region: str, attempt: Attempt, now_us: int) -> None:
    key = f"{policy.check}/{policy.revision}"
    if key not in state.late:
        state.late[key] = Backlog(policy)
    state.late[key].add(region, attempt, now_us)


def _meet_policies(state: ShardState, policies: Policies, now_us: int) -> list[Transition]:
    if policies is state.policies:
        return []
    state.policies = policies
    transitions: list[Transition] = []
    for check in state.quiet.outdated(policies.current):
        state.cases[check] = state.quiet.wake(check)
    for check in [check for check in state.cases if check not in policies.current]:
        transitions += state.cases.pop(check).end(policies.ended.get(check, "deleted"), now_us)
        state.quiet.forget(check)
    for check, policy in policies.current.items():
        if not state.quiet.holds(check):
            transitions += _case(state, policy, now_us)[1]
    return transitions


def _meet_blindness(state: ShardState, blind: frozenset[str], now_us: int) -> list[Transition]:
    if blind == state.blind:
        return []
    newly = blind - state.blind
    state.blind = blind
    transitions: list[Transition] = []
    for case in state.cases.values():
        for region in newly:
            case.blinded(region, now_us)
        transitions += case.review(blind, now_us)
    return transitions
