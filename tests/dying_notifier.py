"""A notifier that dies as by kill -9, at a point of its work that the test names. Run as a program: DATABASE_URL SMTP_URL POINT.

A point is `before NAME` or `after NAME`, where NAME is a statement of the notifier's SQL or `send`, the hand-over to the channel;
an empty one lets it live. `after` a statement is before its transaction's commit, unless it is the last one of its round.
"""

import asyncio
import os
import signal
import sys
from typing import Any

import psycopg

from aggregator import database
from aggregator.notify import channels, outbox, roster
from aggregator.notify.email.transport import Transport
from aggregator.notify.sender import Sender
from aggregator.settings import AggregatorSettings


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def lay_in_wait(when: str, name: str) -> None:
    statements = {**roster.SQL, **outbox.SQL}
    execute, send, claim = psycopg.AsyncConnection.execute, Transport.send, outbox.Outbox.claim

    async def dying_execute(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        is_here = name in statements and query == statements[name]
        if is_here and when == "before":
            die()
        cursor = await execute(self, query, *arguments, **options)
        if is_here and when == "after" and cursor.rowcount > 0:
            die()
        return cursor

    async def dying_send(self: Any, delivery: Any) -> Any:
        if name == "send" and when == "before":
            die()
        receipt = await send(self, delivery)
        if name == "send" and when == "after":
            die()
        return receipt

    async def dying_claim(self: Any, limit: int) -> Any:
        claimed = await claim(self, limit)
        if name == "claiming" and claimed:
            die()
        return claimed

    psycopg.AsyncConnection.execute = dying_execute  # type: ignore[method-assign]
    Transport.send = dying_send  # type: ignore[method-assign]
    outbox.Outbox.claim = dying_claim  # type: ignore[method-assign]


async def main(database_url: str, smtp_url: str, point: str) -> None:
    if point:
        lay_in_wait(*point.split(" "))
    settings = AggregatorSettings(database_url=database_url, smtp_url=smtp_url, mail_from="quivive@agency.example")
    async with database.pool(database_url) as pool, channels.open_all(settings) as transports:
        await Sender(pool, transports).run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
