"""Plans pages in the transaction that records the outage: when each is due, how grave it is, and which policy says who is told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg

from aggregator.decide.transitions import IncidentConfirmed, IncidentReopened, IncidentResolved, Transition
from aggregator.escalate.terms import Rule as PagingRule
from aggregator.escalate.terms import Terms, terms
from aggregator.maintenance import Rule, page_due_us
from aggregator.working import working_time
from quivive import sql
from quivive.domain.times import to_datetime, to_us
from quivive.domain.words import Cause, Responsibility
from quivive.working_time import WorkingTime

SQL = sql.load("aggregator", "sql/paging.sql")


@dataclass(slots=True)
class _Outage:
    """An open incident, and what its plan says of it."""

    terms: Terms
    policy: str
    target_us: int
    working: WorkingTime
    maintenance: list[Rule] = field(default_factory=list)


async def store(connection: psycopg.AsyncConnection, transitions: Sequence[Transition]) -> None:
    """The pages of what has begun or begun again and is still open.

    Nobody who was told is told again; somebody who was spared because it had recovered is spared no longer.
    """
    starts = {t.incident: t for t in transitions if isinstance(t, IncidentConfirmed | IncidentReopened)}
    if not starts:
        return
    cursor = await connection.execute(SQL["terms"], {"incidents": list(starts)})
    outages = _outages(await cursor.fetchall())
    # Who is not there is not critical, was found too late, or is over already.
    begun = [(starts[incident], outage) for incident, outage in outages.items()]
    if again := [_row(start, outage) for start, outage in begun if isinstance(start, IncidentReopened)]:
        async with connection.pipeline():
            for section in ("rearm", "resume", "resume_steps"):
                await connection.execute(SQL[section], _columns(again))
    if new := [_row(start, outage) for start, outage in begun if start.page]:
        async with connection.pipeline():
            for section in ("store", "enqueue", "enqueue_notices"):
                await connection.execute(SQL[section], _columns(new))


async def end(connection: psycopg.AsyncConnection, resolved: Sequence[IncidentResolved]) -> None:
    """What is not sent yet is called off; whoever was told of the outage is told of its end."""
    rows = [{"incident": t.incident, "key": f"incident.resolved/{t.incident}/{t.resolve_us}"} for t in resolved]
    async with connection.pipeline():
        for section in ("end", "end_steps", "cancel", "enqueue_end"):
            await connection.execute(SQL[section], _columns(rows))


async def begin_again(connection: psycopg.AsyncConnection, reopened: Sequence[IncidentReopened]) -> None:
    """Their ends are told no more. What else there is to tell is the business of `store`."""
    await connection.execute(SQL["cancel_end"], {"incident": [t.incident for t in reopened]})


def _row(start: IncidentConfirmed | IncidentReopened, outage: _Outage) -> dict[str, Any]:
    from_us = start.confirm_us if isinstance(start, IncidentConfirmed) else start.at_us
    due_us = page_due_us(from_us, outage.terms.page_after_us, outage.maintenance)
    respond_by_us = outage.working.due_us(due_us, outage.target_us)
    return {
        "incident": start.incident,
        "due": to_datetime(due_us),
        "policy": outage.policy,
        "severity": outage.terms.severity,
        "respond_by": None if respond_by_us is None else to_datetime(respond_by_us),
    }


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _outages(rows: Iterable[tuple[Any, ...]]) -> dict[str, _Outage]:
    outages: dict[str, _Outage] = {}
    for incident, page_after_us, rules, cause, responsibility, target_us, hours, place, policy, *rest in rows:
        timezone, cron, start_time, ical, duration_us = rest
        if incident not in outages:
            said = terms(map(_rule, rules), page_after_us, Cause(cause), Responsibility(responsibility))
            outages[incident] = _Outage(said, policy, target_us, working_time(hours, timezone, place))
        if cron is not None or start_time is not None or ical is not None:
            start_us = None if start_time is None else to_us(start_time)
            outages[incident].maintenance.append(Rule(duration_us, timezone, cron, start_us, ical))
    return outages


def _rule(declared: dict[str, Any]) -> PagingRule:
    page_after_us = None
    if "page_after" in declared:
        from quivive.configuration.durations import parse_duration  # brings every kind's model with it

        page_after_us = parse_duration(declared["page_after"]) // timedelta(microseconds=1)
    return PagingRule(
        causes=frozenset(declared.get("causes", ())),
        responsibilities=frozenset(declared.get("responsibilities", ())),
        page_after_us=page_after_us,
        severity=declared.get("severity"),
    )
