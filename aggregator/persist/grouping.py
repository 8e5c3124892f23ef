"""Puts new incidents into groups (rule 12). How a group is told is the outbox's business."""

import json
from collections.abc import Sequence

import psycopg
import structlog

from aggregator.decide.groups import WINDOW_US, Group, Newcomer, attributes_of, place
from aggregator.persist.arrays import array
from aggregator.persist.judgements import SQL, Judged
from quivive.domain.times import to_datetime, to_us

log = structlog.get_logger(__name__)


async def store(connection: psycopg.AsyncConnection, judged: Sequence[Judged]) -> None:
    """Find each new incident's group, or begin one. An outage of the past pages nobody and belongs to none."""
    newcomers = [
        Newcomer(new.incident, new.confirm_us, attributes)
        for new in judged
        if not new.retroactive
        and (attributes := attributes_of(new.judgement.cause, new.judgement.responsibility, new.witnesses, new.target))
    ]
    if not newcomers:
        return
    placing = place(newcomers, await _open_groups(connection, newcomers))
    await connection.execute(
        SQL["groups_store"],
        {
            "group": array(group.group for group in placing.groups),
            "start": array(to_datetime(group.start_us) for group in placing.groups),
            "attributes": array(json.dumps(group.attributes) for group in placing.groups),
        },
    )
    members = {"incident": array(placing.members), "group": array(placing.members.values())}
    await connection.execute(SQL["groups_join"], members)


async def _open_groups(connection: psycopg.AsyncConnection, newcomers: Sequence[Newcomer]) -> list[Group]:
    """Groups that may take newcomers, seen by one aggregator at a time.

    One that was stopped within its transaction delays the others by half a second at most, at the price of a second group.
    """
    await connection.execute(SQL["group_wait"])
    try:
        async with connection.transaction():
            await connection.execute(SQL["group_lock"])
    except psycopg.errors.LockNotAvailable:
        log.warning("group.not_locked")
        return []
    finally:
        await connection.execute(SQL["group_wait_no_more"])
    times = [newcomer.confirm_us for newcomer in newcomers]
    window = {"start": to_datetime(min(times) - WINDOW_US), "end": to_datetime(max(times) + WINDOW_US)}
    cursor = await connection.execute(SQL["groups_open"], window)
    return [Group(group, to_us(start), tuple(shared)) for group, start, shared in await cursor.fetchall()]
