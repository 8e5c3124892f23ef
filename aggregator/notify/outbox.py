"""The outbox: claiming what is due, and remembering what became of it. All raise `database.PASSING` when it is away."""

from datetime import timedelta

from psycopg_pool import AsyncConnectionPool

from aggregator.notify.channels import Delivery
from quivive import sql

SQL = sql.load("aggregator", "sql/notify.sql")

LEASE = timedelta(seconds=30)
"""A claim outlives any transport's time limit; one whose sender died is free again afterwards."""


class Outbox:
    """Rows of quivive.outbox. Several senders may work on them."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def claim(self, limit: int) -> list[Delivery]:
        """What is due and nobody else's, at most `limit`."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(SQL["claim"], {"lease": LEASE, "limit": limit})
            return [Delivery(*row) for row in await cursor.fetchall()]

    async def sent(self, delivery: Delivery) -> None:
        """It was taken. The first page of an incident is its page time."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(SQL["sent"], {"outbox": delivery.outbox_id})
            if delivery.kind == "incident.confirmed":
                await connection.execute(SQL["paged"], {"incident": delivery.incident})
                await connection.execute(
                    SQL["incident_event"],
                    {
                        "key": f"incident.paged/{delivery.incident}",
                        "incident": delivery.incident,
                        "kind": "paged",
                        "detail": delivery.channel,
                    },
                )

    async def postpone(self, delivery: Delivery, delay: timedelta, error: str) -> None:
        """It failed for now."""
        async with self._pool.connection() as connection:
            row = {"outbox": delivery.outbox_id, "delay": delay, "error": error}
            await connection.execute(SQL["postpone"], row)

    async def give_up(self, delivery: Delivery, reason: str, error: str) -> None:
        """It will never be sent; for a page, the incident tells so."""
        async with self._pool.connection() as connection, connection.transaction():
            row = {"outbox": delivery.outbox_id, "reason": reason, "error": error}
            await connection.execute(SQL["give_up"], row)
            if delivery.kind == "incident.confirmed":
                names = {"incident": delivery.incident, "channel": delivery.channel}
                await connection.execute(SQL["give_up_resolution"], names)
                await connection.execute(
                    SQL["incident_event"],
                    {
                        "key": f"incident.page_failed/{delivery.incident}/{delivery.channel}",
                        "incident": delivery.incident,
                        "kind": "page_failed",
                        "detail": f"{delivery.channel}: {error}",
                    },
                )
