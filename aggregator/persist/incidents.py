"""Incidents and what is told of them: rows, events, pages into the outbox."""

from collections.abc import Mapping, Sequence
from typing import assert_never

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
from aggregator.maintenance import Rule, page_due_us
from aggregator.persist.statements import SQL
from aggregator.phrases import cause_phrase
from quivive.domain.times import to_datetime, to_us


async def store(connection: psycopg.AsyncConnection, transitions: Sequence[Transition]) -> None:
    """Carry the transitions out. State changes are the intervals' business.

    1. Each in its order; an end calls off what is not sent yet, and is told to whoever was told of the outage.
    2. For what is still open then: the pages of new incidents, and those that an end had called off.
    """
    if all(isinstance(transition, SILENT) for transition in transitions):
        return
    async with connection.pipeline():
        for transition in transitions:
            await _carry_out(connection, transition)
    starts = {t.incident: t for t in transitions if isinstance(t, IncidentConfirmed | IncidentReopened)}
    if starts:
        await _page(connection, starts)


SILENT = (StateChanged, PastFilled, SuspicionOpened, ConfirmationWanted)
"""Transitions that leave no row here."""


async def _carry_out(connection: psycopg.AsyncConnection, transition: Transition) -> None:
    match transition:
        case IncidentConfirmed():
            await _confirm(connection, transition)
        case IncidentReopened(incident=incident, regions=regions):
            row = {"incident": incident, "regions": list(regions)}
            await connection.execute(SQL["incident_reopen"], row)
            await _event(connection, incident, "reopened", transition.at_us, transition.reason)
            await connection.execute(SQL["resolution_cancel"], row)
        case IncidentMoved(incident=incident, start_us=start_us, resolve_us=resolve_us):
            resolve = None if resolve_us is None else to_datetime(resolve_us)
            await connection.execute(
                SQL["incident_move"], {"incident": incident, "start": to_datetime(start_us), "resolve": resolve}
            )
            await _event(
                connection, incident, "moved", start_us if resolve_us is None else resolve_us, transition.reason
            )
        case IncidentResolved():
            await _resolve(connection, transition)
        case SuspicionRetracted() if transition.down_regions:
            await _retract(connection, transition)
        case PastIncident():
            await _record_past(connection, transition)
        case SuspicionRetracted() | StateChanged() | PastFilled() | SuspicionOpened() | ConfirmationWanted():
            pass
        case _:
            assert_never(transition)


async def _confirm(connection: psycopg.AsyncConnection, confirmed: IncidentConfirmed) -> None:
    row = _row(confirmed)
    await connection.execute(SQL["incident_supersede"], row)
    await connection.execute(SQL["incident_open"], row)
    await _event(connection, confirmed.incident, "confirmed", confirmed.confirm_us, confirmed.reason)


async def _record_past(connection: psycopg.AsyncConnection, past: PastIncident) -> None:
    await connection.execute(SQL["incident_open"], _row(past))
    await _event(connection, past.incident, "confirmed", past.confirm_us, past.reason)
    await _event(connection, past.incident, "resolved", past.resolve_us, "recovered")


def _row(confirmed: IncidentConfirmed | PastIncident) -> dict[str, object]:
    past = isinstance(confirmed, PastIncident)
    return {
        "incident": confirmed.incident,
        "check": confirmed.check,
        "start": to_datetime(confirmed.start_us),
        "confirm": to_datetime(confirmed.confirm_us),
        "cause": int(confirmed.cause),
        "responsibility": int(confirmed.responsibility),
        "regions": list(confirmed.regions),
        "phrase": cause_phrase(confirmed.cause, "en"),
        "reason": confirmed.reason,
        "retroactive": past,
        "resolve": to_datetime(confirmed.resolve_us) if isinstance(confirmed, PastIncident) else None,
        "close_reason": "recovered" if past else None,
    }


async def _resolve(connection: psycopg.AsyncConnection, resolved: IncidentResolved) -> None:
    row = {
        "incident": resolved.incident,
        "resolve": to_datetime(resolved.resolve_us),
        "reason": resolved.reason,
        "key": f"incident.resolved/{resolved.incident}/{resolved.resolve_us}",
    }
    await connection.execute(SQL["incident_resolve"], row)
    await _event(connection, resolved.incident, "resolved", resolved.resolve_us, resolved.reason)
    await connection.execute(SQL["page_cancel"], row)
    await connection.execute(SQL["resolution_enqueue"], row)


async def _event(connection: psycopg.AsyncConnection, incident: str, kind: str, at_us: int, detail: str) -> None:
    await connection.execute(
        SQL["incident_event"],
        {
            "key": f"incident.{kind}/{incident}/{at_us}",
            "incident": incident,
            "time": to_datetime(at_us),
            "kind": kind,
            "detail": detail,
        },
    )


async def _retract(connection: psycopg.AsyncConnection, retracted: SuspicionRetracted) -> None:
    await connection.execute(
        SQL["suspicion_retract"],
        {
            "check": retracted.check,
            "slot": to_datetime(retracted.slot_us),
            "open": to_datetime(retracted.opened_us),
            "retract": to_datetime(retracted.at_us),
            "regions": list(retracted.down_regions),
            "reason": retracted.reason,
        },
    )


async def _page(
    connection: psycopg.AsyncConnection, starts: Mapping[str, IncidentConfirmed | IncidentReopened]
) -> None:
    """Nobody who was told is told again; somebody who was spared because it had recovered is spared no longer."""
    cursor = await connection.execute(SQL["page_terms"], {"incidents": list(starts)})
    rules: dict[str, list[Rule]] = {}
    page_after: dict[str, int] = {}
    for incident, page_after_us, timezone, cron, start_time, ical, duration_us in await cursor.fetchall():
        page_after[incident] = page_after_us
        own = rules.setdefault(incident, [])
        if cron is not None or start_time is not None or ical is not None:
            own.append(Rule(duration_us, timezone, cron, None if start_time is None else to_us(start_time), ical))
    async with connection.pipeline():
        for incident, start in starts.items():
            if incident not in page_after:  # not critical, found too late, or over already
                continue
            from_us = start.confirm_us if isinstance(start, IncidentConfirmed) else start.at_us
            due_us = page_due_us(from_us, page_after[incident], rules[incident])
            row = {"incident": incident, "due": to_datetime(due_us)}
            await connection.execute(SQL["page_rearm"], row)
            if start.page:
                await connection.execute(SQL["page_enqueue"], row)
