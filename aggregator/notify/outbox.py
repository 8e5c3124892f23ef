"""The outbox: claiming what is due, and remembering what became of it. All raise `database.PASSING` when it is away."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from psycopg_pool import AsyncConnectionPool

from aggregator.notify import testimony
from aggregator.notify.channels import Delivery
from quivive import sql

SQL = sql.load("aggregator", "sql/notify.sql")

LEASE = timedelta(seconds=30)
"""A claim outlives any transport's time limit; one whose sender died is free again afterwards."""
SETTLE = timedelta(minutes=2)
"""Ends of a group's outages are told together, this long after the first, unless it was the last."""
QUIET = timedelta(seconds=3)
"""What a group's page does not tell yet is told together once nothing more has come for so long; design section 5, rule 12."""
STORM = timedelta(minutes=1)
"""However much comes: what there is by then is told."""
PAGES = ("incident.confirmed", "incident.escalated", "incident.target_near")


class Outbox:
    """Rows of quivive.outbox. Several senders may work on them."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def claim(self, limit: int) -> list[Delivery]:
        """What is due and nobody else's, at most `limit`; of a group one delivery a channel, with the others that it tells of."""
        row = {"lease": LEASE, "settle": SETTLE, "quiet": QUIET, "storm": STORM, "limit": limit}
        async with self._pool.connection() as connection, connection.transaction():
            cursor = await connection.execute(SQL["claim"], row)
            deliveries = [_delivery(row) for row in await cursor.fetchall()]
            leading = [delivery.outbox_id for delivery in deliveries if delivery.explained_by is not None]
            others: dict[int, list[Mapping[str, Any]]] = {}
            if leading:
                cursor = await connection.execute(SQL["tell_with"], {"leading": leading})
                for told_with, payload in await cursor.fetchall():
                    others.setdefault(told_with, []).append(payload)
            incidents = [delivery.incident for delivery in deliveries if delivery.incident is not None]
            known = await testimony.read(connection, incidents) if incidents else {}
        return [
            replace(
                delivery,
                others=tuple(others.get(delivery.outbox_id, ())),
                testimony=known.get(delivery.incident or "", delivery.testimony),
            )
            for delivery in deliveries
        ]

    async def sent(self, delivery: Delivery, receipt: str | None = None) -> None:
        """It was taken. The first page that tells of an incident is its page time."""
        row = {"outbox": delivery.outbox_id, "incident": delivery.incident, "receipt": receipt}
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(SQL["sent"], row)
            if delivery.kind in PAGES:
                await connection.execute(SQL["paged"], row)
                await connection.execute(SQL["paged_event"], row)

    async def postpone(self, delivery: Delivery, delay: timedelta, error: str) -> None:
        """It failed for now."""
        async with self._pool.connection() as connection:
            row = {"outbox": delivery.outbox_id, "delay": delay, "error": error}
            await connection.execute(SQL["postpone"], row)

    async def give_up(self, delivery: Delivery, reason: str, error: str) -> None:
        """It will never be sent; for a page, its incidents tell so."""
        row = {"outbox": delivery.outbox_id, "reason": reason, "error": error}
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(SQL["give_up"], row)
            if delivery.kind in PAGES:
                await connection.execute(SQL["give_up_resolution"], row)
                await connection.execute(SQL["page_failed_event"], row)


def _delivery(row: tuple[Any, ...]) -> Delivery:
    *first, receipt, open_incidents, recipient = row
    named: dict[str, Any] = {**recipient, "receipt": receipt, "open_incidents": open_incidents}
    return Delivery(*first, **named)
