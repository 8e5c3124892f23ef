"""State intervals: the life of a check, without gap or overlap, whatever order its changes come to light in."""

from collections.abc import Iterable

import psycopg

from aggregator.decide.transitions import StateChanged
from aggregator.persist.statements import SQL
from quivive.domain.times import to_datetime


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


async def store(connection: psycopg.AsyncConnection, changes: Iterable[StateChanged]) -> None:
    """Record the changes; recording them once more leaves everything as it is.

    1. Delete each check's intervals that start no earlier than its first change.
    2. End the one that contains that instant there, or, where it is in the same state, let it reach to the next change.
    3. Insert the rest.
    """
    folded = rewrites(changes)
    if not folded:
        return
    columns: dict[str, list[object]] = {name: [] for name in ("check", "start", "end", "state", "reason", "incident")}
    for spans in folded:
        ends = [to_datetime(span.at_us) for span in spans[1:]]
        for span, end in zip(spans, [*ends, None], strict=True):
            columns["check"].append(span.check)
            columns["start"].append(to_datetime(span.at_us))
            columns["end"].append(end)
            columns["state"].append(int(span.state))
            columns["reason"].append(span.reason)
            columns["incident"].append(span.incident)
    firsts = [spans[0] for spans in folded]
    await connection.execute(
        SQL["intervals_delete"],
        {"check": [first.check for first in firsts], "start": [to_datetime(first.at_us) for first in firsts]},
    )
    await connection.execute(SQL["intervals_cut"], columns)
    await connection.execute(SQL["intervals_insert"], columns)
