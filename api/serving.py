"""What gRPC's health protocol says of us: SERVING while the database answers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from grpc_health.v1.health_pb2 import HealthCheckResponse

log = structlog.get_logger(__name__)

POLL_S = 1.0
OVERALL = ""
"""The server as a whole, in the protocol's own way."""

Statuses = Callable[[str, int], Awaitable[None]]


async def follow(names: Sequence[str], say: Statuses, not_ready: Callable[[], Awaitable[str | None]]) -> None:
    """For as long as the task lives: say of the server and of each service how they are, whenever that changes."""
    said: int | None = None
    while True:
        reason = await not_ready()
        now = HealthCheckResponse.SERVING if reason is None else HealthCheckResponse.NOT_SERVING
        if now != said:
            if reason is not None:
                log.warning("api.not_serving", reason=reason)
            for name in (OVERALL, *names):
                await say(name, now)
            said = now
        await asyncio.sleep(POLL_S)
