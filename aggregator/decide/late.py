"""Rule 9: evidence that came too late to vote tells of the past.

Late attempts are kept until no more of them come, then replayed in the order of their ends as if it were that time. What they
show fills spans that are on record as UNKNOWN; an outage among them is an incident marked retroactive, or moves the start of the
one that is still on. Nobody is paged for the past.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from aggregator.decide.case import Case
from aggregator.decide.incident import Outage
from aggregator.decide.policy import Policy
from aggregator.decide.transitions import (
    IncidentConfirmed,
    IncidentMoved,
    IncidentReopened,
    IncidentResolved,
    PastFilled,
    PastIncident,
    StateChanged,
    Transition,
)
from aggregator.decide.votes import Attempt
from quivive.domain.words import State

SETTLED_US = 5_000_000
"""No late attempt for this long: the backlog has been replayed."""
MOST_ATTEMPTS = 20_000
"""Kept per check; older ones go first. A day of three regions at 30 s is 8,640."""


@dataclass(slots=True)
class Backlog:
    """The late attempts of one check, under one policy."""

    policy: Policy
    attempts: list[tuple[Attempt, str]] = field(default_factory=list)
    """With their regions."""
    newest_us: int = 0
    """When the last of them came, on the bus's clock."""
    looked_us: int = 0
    """When it was replayed too early."""

    def add(self, region: str, attempt: Attempt, now_us: int) -> None:
        self.attempts.append((attempt, region))
        del self.attempts[:-MOST_ATTEMPTS]
        self.newest_us = now_us

    def settled(self, now_us: int) -> bool:
        return now_us - max(self.newest_us, self.looked_us) >= SETTLED_US

    def awaits_live_votes(self, told: Sequence[Transition], now_us: int) -> bool:
        """An outage that nobody has seen end may be on: the first live votes make it the one at hand, for as long as they take."""
        self.looked_us = now_us
        on = any(isinstance(said, PastIncident) and not said.ended for said in told)
        return on and now_us - self.newest_us < self.policy.freshness_us


def replay(backlog: Backlog, live: Outage | None, now_us: int) -> list[Transition]:
    """What the late evidence shows. `live` is the outage that is on now, if any.

    1. Feed the attempts to a case of their own, at their own times, letting votes grow old in between.
    2. Known spans of its record fill what is UNKNOWN.
    3. Its outages that ended are retroactive incidents; the one that reaches the live outage moves that one's start back.
    """
    policy = backlog.policy
    attempts = sorted(backlog.attempts)
    nobody: frozenset[str] = frozenset()
    past = Case(policy, State.UNKNOWN, attempts[0][0].end_us)
    said: list[Transition] = []
    for attempt, region in attempts:
        while past.due_us and past.due_us < attempt.end_us:
            due_us = past.due_us
            said += past.review(nobody, due_us)
            if past.due_us <= due_us:
                break
        said += past.take(region, attempt, nobody, attempt.end_us)
    end_us = min(attempts[-1][0].end_us + policy.freshness_us, now_us)
    record: list[tuple[int, State]] = []
    for change in said:
        if isinstance(change, StateChanged):
            record = [*(entry for entry in record if entry[0] < change.at_us), (change.at_us, change.state)]
    transitions: list[Transition] = []
    for (at_us, state), (until_us, _) in pairwise([*record, (end_us, State.UNKNOWN)]):
        if state is not State.UNKNOWN and until_us > at_us:
            transitions.append(PastFilled(policy.check, at_us, until_us, state, "late evidence"))
    return transitions + _incidents(said, live, end_us, policy.freshness_us, now_us)


def _incidents(
    said: list[Transition], live: Outage | None, end_us: int, unknown_us: int, now_us: int
) -> list[Transition]:
    """What became of the outages that were said. One that is on at the end lasts through `unknown_us` without a word of it."""
    found: dict[str, tuple[IncidentConfirmed, int | None]] = {}
    for change in said:
        match change:
            case IncidentConfirmed():
                found[change.incident] = change, None
            case IncidentReopened():
                found[change.incident] = found[change.incident][0], None
            case IncidentResolved():
                found[change.incident] = found[change.incident][0], change.resolve_us
            case _:
                pass
    transitions: list[Transition] = []
    for confirmed, resolve_us in found.values():
        reach_us = end_us + unknown_us if resolve_us is None else resolve_us
        if live is not None and live.start_us <= reach_us:
            if confirmed.start_us < live.start_us:
                transitions += _move(live, confirmed, end_us)
            continue
        transitions.append(
            PastIncident(
                incident=confirmed.incident,
                check=confirmed.check,
                start_us=confirmed.start_us,
                resolve_us=end_us if resolve_us is None else resolve_us,
                confirm_us=now_us,
                cause=confirmed.cause,
                responsibility=confirmed.responsibility,
                regions=confirmed.regions,
                reason=f"late evidence: {confirmed.reason}",
                ended=resolve_us is not None,
            )
        )
    return transitions


def _move(live: Outage, confirmed: IncidentConfirmed, end_us: int) -> list[Transition]:
    """The outage that is on began with the one that late evidence shows up to `end_us`."""
    reason, start_us, was_us = "late evidence of an earlier start", confirmed.start_us, live.start_us
    live.start_us = start_us
    return [
        IncidentMoved(live.incident, confirmed.check, start_us, None, reason),
        PastFilled(confirmed.check, start_us, min(was_us, end_us), State.DOWN, reason, live.incident),
    ]
