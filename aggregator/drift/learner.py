"""The learner: every few seconds what regions sighted becomes what is known of their pages, and drift becomes a warning."""

import asyncio
from collections.abc import Callable

import psycopg
import structlog
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from aggregator import database
from aggregator.drift.learn import Lesson, Sighting, learn
from aggregator.drift.messages import baseline_of, features_of, stored
from aggregator.persist import statements
from quivive import sql
from quivive.domain.times import format_us, to_datetime, to_us
from quivive.v1 import bus_pb2

log = structlog.get_logger(__name__)

SQL = sql.load("aggregator", "sql/drift.sql")
EVERY_S = 5.0
ROUNDS_TO_PRUNE = 720


async def follow(pool: AsyncConnectionPool, now_us: Callable[[], int]) -> None:
    """Learn for as long as the task lives. `now_us` tells the time."""
    rounds = 0
    while True:
        await asyncio.sleep(EVERY_S)
        rounds += 1
        try:
            async with pool.connection() as connection, connection.transaction():
                row = await (await connection.execute(SQL["alone"])).fetchone()
                if row is not None and row[0]:
                    await learn_once(connection, now_us())
                    if rounds % ROUNDS_TO_PRUNE == 0:
                        await connection.execute(SQL["prune"])
        except database.PASSING as error:
            log.warning("pages.not_learned", error=str(error))


async def learn_once(connection: psycopg.AsyncConnection, now_us: int) -> None:
    """Take in what is new, in the connection's transaction."""
    await _carry_over(connection)
    for row in await (await connection.execute(SQL["sighted"])).fetchall():
        check, revision, name, site, customer, customer_title, spec_data, known_data, regions, slots, features = row
        spec = bus_pb2.CheckSpec.FromString(spec_data)
        known = baseline_of(known_data) if known_data is not None else None
        sightings = [
            Sighting(region, to_us(slot), features_of(bus_pb2.PageFeatures.FromString(data)))
            for region, slot, data in zip(regions, slots, features, strict=True)
        ]
        lesson = learn(known, sightings, regions=len(spec.regions), outage=spec.http.drift.outage, now_us=now_us)
        await _record(connection, check, revision, lesson, is_news=lesson.known != known)
        if lesson.strange:
            log.warning("page.drifted", check=spec.name, findings=lesson.strange)
            payload = {
                "site": site,
                "check": name,
                "url": spec.http.url,
                "customer": customer,
                "customer_title": customer_title,
                "detail": "; ".join(lesson.strange),
                "time": format_us(now_us),
            }
            await connection.execute(
                statements.SQL["operations_enqueue"],
                {
                    "key": f"content.drifted/{check}/{lesson.done[-1].slot_us}",
                    "kind": "content.drifted",
                    "payload": Jsonb(payload),
                    "time": to_datetime(now_us),
                },
            )


async def _record(
    connection: psycopg.AsyncConnection, check: int, revision: int, lesson: Lesson, *, is_news: bool
) -> None:
    if lesson.done:
        slots = [to_datetime(sighting.slot_us) for sighting in lesson.done]
        await connection.execute(SQL["learned"], {"check": check, "slots": slots})
    if is_news and lesson.known is not None:
        baseline, part = stored(lesson.known)
        row = {"check": check, "revision": revision, "baseline": baseline, "part": part}
        await connection.execute(SQL["baseline_store"], row)


async def _carry_over(connection: psycopg.AsyncConnection) -> None:
    """What was known stays known under a new revision, unless it looks at another page or is told to forget."""
    for check, revision, new, old, baseline, part in await (await connection.execute(SQL["revised"])).fetchall():
        now, before = bus_pb2.CheckSpec.FromString(new).http, bus_pb2.CheckSpec.FromString(old).http
        is_same = now.url == before.url and now.HasField("drift") and now.drift.since == before.drift.since
        if is_same:
            row = {"check": check, "revision": revision, "baseline": baseline, "part": part}
            await connection.execute(SQL["baseline_store"], row)
        await connection.execute(SQL["forget_earlier"], {"check": check, "revision": revision})
