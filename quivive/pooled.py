"""Whether a pooled connection is still good, asked of the socket: asking the server costs a round trip for each use."""

import select

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool


async def check(connection: AsyncConnection) -> None:
    """For `AsyncConnectionPool(check=...)`. Raises psycopg.OperationalError for a connection that has ended.

    An idle server says nothing: only when there is something to read, its farewell or the end of the stream, is it asked.
    """
    if connection.closed or _has_news(connection.fileno()):
        await AsyncConnectionPool.check_connection(connection)


def _has_news(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))
