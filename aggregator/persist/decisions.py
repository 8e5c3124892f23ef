"""The record of decisions: each with the votes that it rests on, so that any verdict can be explained later."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, assert_never

import psycopg

from aggregator.decide.counted import Voice
from aggregator.decide.testimony import Decision, is_decision
from aggregator.decide.transitions import (
    IncidentConfirmed,
    IncidentReopened,
    IncidentResolved,
    StateChanged,
    SuspicionRetracted,
    Transition,
)
from aggregator.persist.arrays import Element, columns
from aggregator.persist.judgements import SQL
from quivive.domain.times import format_us, to_datetime
from quivive.domain.words import State


async def store(connection: psycopg.AsyncConnection, transitions: Iterable[Transition]) -> None:
    """Record the decisions among the transitions; recording them once more leaves everything as it is.

    A suspicion that ended without a DOWN vote is only counted: results tell of it as long as they are kept.
    """
    rows: list[Mapping[str, Element]] = []
    votes: dict[int, str] = {}
    """By the identity of what was counted, which decisions of a moment share."""
    for transition in transitions:
        if not is_decision(transition) or transition.counted is None:
            continue
        if isinstance(transition, SuspicionRetracted) and not transition.down_regions:
            continue
        key = id(transition.counted)
        if key not in votes:
            votes[key] = json.dumps([_vote(voice) for voice in transition.counted.voices])
        rows.append(_row(transition, votes[key]))
    if rows:
        await connection.execute(SQL["decisions_store"], columns(rows))


def _row(decision: Decision, votes: str) -> Mapping[str, Element]:
    counted = decision.counted
    assert counted is not None
    kind, effect_us, state, incident = _what(decision)
    return {
        "check": decision.check,
        "time": to_datetime(counted.at_us),
        "kind": kind,
        "effect": to_datetime(effect_us),
        "state": None if state is None else int(state),
        "incident": incident,
        "reason": decision.reason,
        "quorum": counted.quorum,
        "votes": votes,
    }


def _what(decision: Decision) -> tuple[str, int, State | None, str | None]:
    """Kind, from when on it holds, state, incident."""
    match decision:
        case StateChanged():
            return "state.changed", decision.at_us, decision.state, decision.incident
        case SuspicionRetracted():
            return "suspicion.retracted", decision.opened_us, None, None
        case IncidentConfirmed():
            return "incident.confirmed", decision.start_us, None, decision.incident
        case IncidentReopened():
            return "incident.reopened", decision.at_us, None, decision.incident
        case IncidentResolved():
            return "incident.resolved", decision.resolve_us, None, decision.incident
        case _:
            assert_never(decision)


def _vote(voice: Voice) -> dict[str, Any]:
    vote: dict[str, Any] = {"region": voice.region, "standing": voice.standing.value}
    if voice.up is not None and voice.end_us is not None:
        vote["up"] = voice.up
        vote["end_time"] = format_us(voice.end_us)
    if voice.failing:
        vote["failing"] = [
            {
                "slot": format_us(attempt.slot_us),
                "attempt": attempt.number,
                "end_time": format_us(attempt.end_us),
                "cause": int(attempt.cause),
            }
            for attempt in voice.failing
        ]
    return vote
