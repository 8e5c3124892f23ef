"""Causes by all evidence: what the failing attempts saw is joined to the incident and judged, until somebody is told of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import psycopg

from aggregator.decide.cause import Judgement, judge
from aggregator.decide.evidence import Witness
from aggregator.decide.transitions import IncidentConfirmed, PastIncident, Transition
from aggregator.persist.arrays import array
from aggregator.persist.batch import Seen
from quivive import sql
from quivive.domain.times import to_datetime, to_us
from quivive.domain.words import Cause, Outcome, Responsibility

SQL = sql.load("aggregator", "sql/judge.sql")

MOST_WITNESSES = 60
"""Failing attempts kept with an incident, its first ones."""
JUDGED_FOR = timedelta(minutes=15)
"""From the confirmation on; a page that is due later than that brings no better cause."""


_Changed = tuple[str, tuple[Cause, Responsibility], Judgement]
"""An incident, what it was put down to, and its new judgement."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An incident under its newest judgement."""

    incident: str
    confirm_us: int
    retroactive: bool
    target: str
    witnesses: Sequence[Witness]
    judgement: Judgement


async def store(
    connection: psycopg.AsyncConnection, transitions: Iterable[Transition], seen: Sequence[Seen]
) -> list[Judged]:
    """Judge the new incidents, and those whose evidence has grown before anybody was told; those of them that are new.

    1. Join the failing attempts to their incidents.
    2. Judge; what changed is written to the incident and to the pages that are still to be sent, and noted as an event.
    """
    new = {t.incident for t in transitions if isinstance(t, IncidentConfirmed | PastIncident)}
    incidents = new | await _grown(connection, seen)
    if not incidents:
        return []
    names = {"incidents": array(sorted(incidents))}
    await connection.execute(SQL["evidence_join"], {**names, "most": MOST_WITNESSES})
    cursor = await connection.execute(SQL["witnesses"], names)
    witnesses = _witnesses(await cursor.fetchall())
    cursor = await connection.execute(SQL["incidents_to_judge"], names)
    changed: list[_Changed] = []
    judged: list[Judged] = []
    for row in await cursor.fetchall():
        incident, cause, responsibility, confidence, rule, confirm_time, retroactive, regions, target = row
        if incident not in witnesses:
            continue
        judgement = judge(witnesses[incident], regions)
        if incident in new:
            judged.append(Judged(incident, to_us(confirm_time), retroactive, target, witnesses[incident], judgement))
        now = (judgement.cause, judgement.responsibility, judgement.confidence, judgement.rule)
        if (cause, responsibility, confidence, rule) != now:
            changed.append((incident, (Cause(cause), Responsibility(responsibility)), judgement))
    if changed:
        await _note(connection, changed)
        corrected = {"incidents": array(incident for incident, *_ in changed)}
        await connection.execute(SQL["page_correct"], corrected)
        await connection.execute(SQL["page_correct_plan"], corrected)
    return judged


async def _grown(connection: psycopg.AsyncConnection, seen: Sequence[Seen]) -> set[str]:
    """Incidents that may be judged otherwise by what has just been seen."""
    failing = [part.results.check[part.stored & (part.results.outcome == Outcome.DOWN)] for part in seen]
    checks = np.unique(np.concatenate(failing)) if failing else np.array([], np.int64)
    if not len(checks):
        return set()
    newest_us = max(int(part.results.end_us.max()) for part in seen)
    row = {"checks": array(checks.tolist()), "since": to_datetime(newest_us) - JUDGED_FOR}
    cursor = await connection.execute(SQL["judged_anew"], row)
    return {incident for (incident,) in await cursor.fetchall()}


async def _note(connection: psycopg.AsyncConnection, changed: Sequence[_Changed]) -> None:
    """Write the judgements to their incidents, and as events those that name another cause or another who has to act."""
    judgements = [judgement for _, _, judgement in changed]
    await connection.execute(
        SQL["judge"],
        {
            "incident": array(incident for incident, _, _ in changed),
            "cause": array(int(judgement.cause) for judgement in judgements),
            "responsibility": array(int(judgement.responsibility) for judgement in judgements),
            "confidence": array(judgement.confidence for judgement in judgements),
            "rule": array(judgement.rule for judgement in judgements),
            "reason": array(judgement.reason for judgement in judgements),
            "detail": array(judgement.speaking.detail for judgement in judgements),
        },
    )
    news = [(i, was, j) for i, was, j in changed if was != (j.cause, j.responsibility)]
    if news:
        await connection.execute(
            SQL["judge_note"],
            {
                "key": array(f"incident.judged/{i}/{j.speaking.end_us}/{j.rule}" for i, _, j in news),
                "incident": array(i for i, _, _ in news),
                "time": array(to_datetime(j.speaking.end_us) for _, _, j in news),
                "detail": array(_became(was, j) for _, was, j in news),
            },
        )


def _became(was: tuple[Cause, Responsibility], judgement: Judgement) -> str:
    now = f"{judgement.cause.name}, {judgement.responsibility.name}"
    return f"{was[0].name}, {was[1].name} became {now}: {judgement.reason}"


def _witnesses(rows: Iterable[tuple[Any, ...]]) -> Mapping[str, list[Witness]]:
    """By incident, as they ended."""
    witnesses: dict[str, list[Witness]] = {}
    for incident, region, slot, attempt, end_time, cause, http_status, content in rows:
        witnesses.setdefault(incident, []).append(
            _witness(region, slot, attempt, end_time, Cause(cause), http_status, content)
        )
    return witnesses


def _witness(
    region: str, slot: datetime, attempt: int, end: datetime, cause: Cause, status: int, content: Mapping[str, Any]
) -> Witness:
    return Witness(
        region=region,
        slot_us=to_us(slot),
        attempt=attempt,
        end_us=to_us(end),
        cause=cause,
        http_status=status,
        detail=content.get("detail", ""),
        address=content.get("address", ""),
        url=content.get("url", ""),
        headers={name.lower(): value for name, value in content.get("headers", {}).items()},
        body=content.get("body_excerpt", ""),
    )
