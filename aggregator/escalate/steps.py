"""An escalation's steps: planned whole when it begins, and what becomes of one that is due."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from aggregator.escalate.policies import Policy, Severity, Whom

LATE_US = 60_000_000
"""A step that is taken later than this after its time moves those behind it by as much: nobody had the chance to answer it."""
BEFORE_MISSED = 1000
"""The number of the reminder before the response target; steps have lower ones."""
SHARE_OF_TARGET = 0.75


@dataclass(frozen=True, slots=True)
class Planned:
    """A step with its time."""

    number: int
    kind: str
    """step, fallback or before_missed."""
    whom: Whom
    due_us: int
    reason: str


class Verdict(Enum):
    """What becomes of a step that is due."""

    TAKE = "take"
    HOLD = "muted"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Member:
    """An incident of an escalation as it stands now."""

    incident: str
    acknowledged: bool
    resolved: bool
    muted_until_us: int | None
    """By maintenance or a silence."""


def plan(policy: Policy, severity: Severity, begin_us: int) -> list[Planned]:
    """Every step in every round, then the fallback. Steps that are not for this severity are left out, their waits are not."""
    planned: list[Planned] = []
    at_us = begin_us
    for round_ in range(policy.repeat + 1):
        if round_:
            at_us += policy.repeat_after_us
        for number, step in enumerate(policy.steps, 1):
            at_us += step.wait_us
            if severity in step.severities:
                name = f"step {number} of policy {policy.policy}" + (f", round {round_ + 1}" if round_ else "")
                planned.append(Planned(len(planned) + 1, "step", step.whom, at_us, name))
    if policy.fallback is not None:
        at_us += policy.repeat_after_us
        reason = f"nobody answered policy {policy.policy}"
        planned.append(Planned(len(planned) + 1, "fallback", policy.fallback, at_us, reason))
    return planned


def judge(members: Iterable[Member]) -> tuple[Verdict, list[Member], int | None]:
    """Of a step that is due: what becomes of it, the members that are told of, and until when it is held.

    Whoever is acknowledged or over is not told of. It is held only while all that are left are muted.
    """
    members = list(members)
    waiting = [member for member in members if not member.acknowledged and not member.resolved]
    if not waiting:
        answered = any(member.acknowledged and not member.resolved for member in members)
        return (Verdict.ACKNOWLEDGED if answered else Verdict.RESOLVED), [], None
    loud = [member for member in waiting if member.muted_until_us is None]
    if not loud:
        return Verdict.HOLD, [], min(member.muted_until_us for member in waiting if member.muted_until_us is not None)
    return Verdict.TAKE, loud, None


def hold(held: Planned, later: Sequence[Planned], until_us: int) -> list[Planned]:
    """A muted step and those behind it, later by as much: all the waits stay what they are. A reminder moves alone."""
    behind = [] if held.kind == "before_missed" else [step for step in later if _is_behind(step, held)]
    return [replace(step, due_us=step.due_us + until_us - held.due_us) for step in (held, *behind)]


def _is_behind(step: Planned, taken: Planned) -> bool:
    return step.number > taken.number and step.kind != "before_missed"


def after_taking(taken: Planned, later: Sequence[Planned], now_us: int, *, reached_somebody: bool) -> list[Planned]:
    """The steps behind one that has been taken, with their times as they are now; only those that move.

    One that was late moves them by as much. One that reached nobody lets the next follow at once, the others behind that as before.
    """
    behind = sorted((step for step in later if _is_behind(step, taken)), key=lambda step: step.number)
    if not behind:
        return []
    shift_us = 0
    if not reached_somebody:
        shift_us = now_us - behind[0].due_us
    elif now_us - taken.due_us > LATE_US:
        shift_us = now_us - taken.due_us
    return [replace(step, due_us=step.due_us + shift_us) for step in behind] if shift_us else []
