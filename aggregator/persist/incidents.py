"""Incidents: rows and events. Thousands that change at once are a few statements, not thousands."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import psycopg

from aggregator.decide.transitions import (
    ConfirmationWanted,
    IncidentConfirmed,
    IncidentMoved,
    IncidentReopened,
    IncidentResolved,
    PastFilled,
    PastIncident,
    StateChanged,
    SuspicionOpened,
    SuspicionRetracted,
    Transition,
)
from aggregator.persist import paging
from aggregator.persist.arrays import Element, columns
from aggregator.persist.statements import SQL
from aggregator.phrases import cause_phrase
from quivive.domain.times import to_datetime

SILENT = (StateChanged, PastFilled, SuspicionOpened, ConfirmationWanted)
"""Transitions that leave no row here."""

T = TypeVar("T", bound=Transition)
Row = Mapping[str, Element]


def waves(transitions: Iterable[Transition]) -> list[list[Transition]]:
    """The transitions that leave rows, in as few lists as keep the order of each check's: each list has a check once at most."""
    found: list[list[Transition]] = []
    depth: dict[int, int] = {}
    for transition in transitions:
        if isinstance(transition, SILENT):
            continue
        wave = depth.get(transition.check, 0)
        depth[transition.check] = wave + 1
        if wave == len(found):
            found.append([])
        found[wave].append(transition)
    return found


async def store(connection: psycopg.AsyncConnection, transitions: Sequence[Transition]) -> None:
    """Record the transitions, then plan the pages of what is still open: for callers that judge no causes in between."""
    await record(connection, transitions)
    await paging.store(connection, transitions)


async def record(connection: psycopg.AsyncConnection, transitions: Sequence[Transition]) -> None:
    """Rows and events, wave by wave, those of a kind together; doing so once more leaves everything as it is.

    An end calls off what is not sent yet, and is told to whoever was told of the outage.
    """
    for wave in waves(transitions):
        await _confirm(connection, _of(IncidentConfirmed, wave))
        await _record_past(connection, _of(PastIncident, wave))
        await _reopen(connection, _of(IncidentReopened, wave))
        await _move(connection, _of(IncidentMoved, wave))
        await _resolve(connection, _of(IncidentResolved, wave))
        await _retract(connection, [t for t in _of(SuspicionRetracted, wave) if t.down_regions])


def _of(kind: type[T], wave: Iterable[Transition]) -> list[T]:
    return [transition for transition in wave if isinstance(transition, kind)]


async def _confirm(connection: psycopg.AsyncConnection, confirmed: Sequence[IncidentConfirmed]) -> None:
    if not confirmed:
        return
    rows = columns([_row(one) for one in confirmed])
    await connection.execute(SQL["incidents_supersede"], rows)
    await connection.execute(SQL["incidents_open"], rows)
    await _note(connection, [_event(t.incident, "confirmed", t.confirm_us, t.reason) for t in confirmed])


async def _record_past(connection: psycopg.AsyncConnection, past: Sequence[PastIncident]) -> None:
    if not past:
        return
    await connection.execute(SQL["incidents_open"], columns([_row(one) for one in past]))
    events = [_event(t.incident, "confirmed", t.confirm_us, t.reason) for t in past]
    await _note(connection, events + [_event(t.incident, "resolved", t.resolve_us, "recovered") for t in past])


def _row(confirmed: IncidentConfirmed | PastIncident) -> Row:
    past = isinstance(confirmed, PastIncident)
    return {
        "incident": confirmed.incident,
        "check": confirmed.check,
        "start": to_datetime(confirmed.start_us),
        "confirm": to_datetime(confirmed.confirm_us),
        "cause": int(confirmed.cause),
        "responsibility": int(confirmed.responsibility),
        "regions": _listed(confirmed.regions),
        "detail": cause_phrase(confirmed.cause, "en"),
        "reason": confirmed.reason,
        "retroactive": past,
        "resolve": to_datetime(confirmed.resolve_us) if isinstance(confirmed, PastIncident) else None,
        "close_reason": "recovered" if past else None,
    }


def _listed(regions: Iterable[str]) -> str:
    """One element of a column: arrays of arrays would all have to be of one length."""
    return ",".join(regions)


async def _reopen(connection: psycopg.AsyncConnection, reopened: Sequence[IncidentReopened]) -> None:
    if not reopened:
        return
    rows = columns([{"incident": t.incident, "regions": _listed(t.regions)} for t in reopened])
    await connection.execute(SQL["incidents_reopen"], rows)
    await _note(connection, [_event(t.incident, "reopened", t.at_us, t.reason) for t in reopened])
    await paging.begin_again(connection, reopened)


async def _move(connection: psycopg.AsyncConnection, moved: Sequence[IncidentMoved]) -> None:
    if not moved:
        return
    rows: list[Row] = [
        {
            "incident": t.incident,
            "start": to_datetime(t.start_us),
            "resolve": None if t.resolve_us is None else to_datetime(t.resolve_us),
        }
        for t in moved
    ]
    await connection.execute(SQL["incidents_move"], columns(rows))
    at = [t.start_us if t.resolve_us is None else t.resolve_us for t in moved]
    await _note(connection, [_event(t.incident, "moved", us, t.reason) for t, us in zip(moved, at, strict=True)])


async def _resolve(connection: psycopg.AsyncConnection, resolved: Sequence[IncidentResolved]) -> None:
    if not resolved:
        return
    rows: list[Row] = [
        {"incident": t.incident, "resolve": to_datetime(t.resolve_us), "reason": t.reason} for t in resolved
    ]
    await connection.execute(SQL["incidents_resolve"], columns(rows))
    await _note(connection, [_event(t.incident, "resolved", t.resolve_us, t.reason) for t in resolved])
    await paging.end(connection, resolved)


async def _retract(connection: psycopg.AsyncConnection, retracted: Sequence[SuspicionRetracted]) -> None:
    if not retracted:
        return
    rows: list[Row] = [
        {
            "check": t.check,
            "slot": to_datetime(t.slot_us),
            "open": to_datetime(t.opened_us),
            "retract": to_datetime(t.at_us),
            "regions": _listed(t.down_regions),
            "reason": t.reason,
        }
        for t in retracted
    ]
    await connection.execute(SQL["suspicions_retract"], columns(rows))


def _event(incident: str, kind: str, at_us: int, detail: str) -> Row:
    key = f"incident.{kind}/{incident}/{at_us}"
    return {"key": key, "incident": incident, "time": to_datetime(at_us), "kind": kind, "detail": detail}


async def _note(connection: psycopg.AsyncConnection, events: Sequence[Row]) -> None:
    await connection.execute(SQL["incidents_note"], columns(events))
