"""What concerns the operator: regions that went blind or see again, refused agents, incomplete data."""

from collections.abc import Iterable

import psycopg
from psycopg.types.json import Jsonb

from aggregator.persist.batch import DataNotice, RegionEvent
from aggregator.persist.statements import SQL
from quivive.domain.times import format_us, to_datetime


async def store_regions(connection: psycopg.AsyncConnection, events: Iterable[RegionEvent]) -> None:
    """Record what happened to regions, and tell the channels of operations who went blind or sees again."""
    for event in events:
        time = to_datetime(event.at_us)
        row = {"region": event.region, "time": time, "kind": event.kind, "detail": event.detail}
        await connection.execute(SQL["region_event"], row)
        if event.kind == "refused":
            continue
        await connection.execute(SQL[f"region_{event.kind}"], row)
        payload = {"region": event.region, "detail": event.detail, "time": format_us(event.at_us)}
        await connection.execute(
            SQL["operations_enqueue"],
            {
                "key": f"region.{event.kind}/{event.region}/{event.at_us}",
                "kind": f"region.{event.kind}",
                "payload": Jsonb(payload),
                "time": time,
            },
        )


async def store_notices(connection: psycopg.AsyncConnection, notices: Iterable[DataNotice]) -> None:
    """Tell the channels of operations that data became incomplete, or complete again."""
    for notice in notices:
        kind = "data.complete" if notice.complete else "data.incomplete"
        payload = {"checks": notice.checks, "time": format_us(notice.at_us)}
        await connection.execute(
            SQL["operations_enqueue"],
            {
                "key": f"{kind}/{notice.key}",
                "kind": kind,
                "payload": Jsonb(payload),
                "time": to_datetime(notice.at_us),
            },
        )
