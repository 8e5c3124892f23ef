"""State intervals: the life of a check, without gap or overlap, whatever order its changes come to light in."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import psycopg

from aggregator.decide.transitions import PastFilled, StateChanged
from aggregator.persist.arrays import Element, array, columns
from aggregator.persist.statements import SQL
from quivive.domain.times import to_datetime, to_us
from quivive.domain.words import State


def rewrites(changes: Iterable[StateChanged]) -> list[list[StateChanged]]:
    """Fold changes, in the order they were decided, into what holds in the end, check by check.

    Each change overrules what begins no earlier. From the first one of a check on, its list replaces whatever was recorded:
    ascending, neighbours differ, the last one is open.
    """
    spans: dict[int, list[StateChanged]] = {}
    for change in changes:
        own = spans.setdefault(change.check, [])
        while own and own[-1].at_us >= change.at_us:
            own.pop()
        if not own or (own[-1].state, own[-1].incident) != (change.state, change.incident):
            own.append(change)
    return list(spans.values())


async def _beside_the_record(
    connection: psycopg.AsyncConnection, changes: Sequence[StateChanged]
) -> Sequence[StateChanged]:
    """Let what is said of a check without a memory of it begin no earlier than that: a check that was paused has a past."""
    met = [change.check for change in changes if change.met_us is not None]
    if not met:
        return changes
    cursor = await connection.execute(SQL["intervals_newest"], {"check": array(met)})
    newest = {check: to_us(start) for check, start in await cursor.fetchall()}
    return [
        replace(change, at_us=max(change.at_us, change.met_us, newest[change.check] + 1))
        if change.met_us is not None and change.check in newest
        else change
        for change in changes
    ]


async def store(connection: psycopg.AsyncConnection, changes: Sequence[StateChanged]) -> None:
    """Record the changes; recording them once more leaves everything as it is.

    1. Delete each check's intervals that start no earlier than its first change.
    2. End the one that contains that instant there, or, where it is in the same state, let it reach to the next change.
    3. Insert the rest.
    """
    folded = rewrites(await _beside_the_record(connection, changes))
    if not folded:
        return
    rows: list[dict[str, Element]] = []
    for spans in folded:
        ends = [to_datetime(span.at_us) for span in spans[1:]]
        for span, end in zip(spans, [*ends, None], strict=True):
            rows.append(
                {
                    "check": span.check,
                    "start": to_datetime(span.at_us),
                    "end": end,
                    "state": int(span.state),
                    "reason": span.reason,
                    "incident": span.incident,
                }
            )
    firsts = columns([{"check": spans[0].check, "start": to_datetime(spans[0].at_us)} for spans in folded])
    await connection.execute(SQL["intervals_delete"], firsts)
    lives = columns(rows)
    await connection.execute(SQL["intervals_cut"], lives)
    await connection.execute(SQL["intervals_insert"], lives)


async def fill(connection: psycopg.AsyncConnection, past: Iterable[PastFilled]) -> None:
    """Record what late evidence shows where nothing was known; filling once more leaves everything as it is."""
    for filled in past:
        start, end = to_datetime(filled.start_us), to_datetime(filled.end_us)
        yielding = [State.UNKNOWN] if filled.incident is None else [State.UNKNOWN, State.UP]
        span = {"check": filled.check, "start": start, "end": end, "states": [int(state) for state in yielding]}
        cursor = await connection.execute(SQL["intervals_yielding"], span)
        for old_start, old_end, state, reason in await cursor.fetchall():
            cut_start = max(start, old_start)
            cut_end = end if old_end is None else min(end, old_end)
            pieces = [
                (old_start, cut_start, state, reason, None),
                (cut_start, cut_end, int(filled.state), filled.reason, filled.incident),
                (cut_end, old_end, state, reason, None),
            ]
            await connection.execute(SQL["interval_remove"], {"check": filled.check, "start": old_start})
            for piece_start, piece_end, *rest in pieces:
                if piece_end is None or piece_start < piece_end:
                    row = {"check": filled.check, "start": piece_start, "end": piece_end}
                    row.update(zip(("state", "reason", "incident"), rest, strict=True))
                    await connection.execute(SQL["interval_put"], row)
