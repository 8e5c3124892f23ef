"""Connecting to the broker, and creating the streams and buckets of `quivive.subjects`."""

import asyncio
import contextlib
from datetime import timedelta

import nats
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig, StorageType, StreamConfig
from nats.js.errors import BadRequestError, BucketNotFoundError

from quivive import subjects

log = structlog.get_logger(__name__)

RESULTS_KEPT = timedelta(hours=72)
EVENTS_KEPT = timedelta(days=7)
DEDUPE_WINDOW = timedelta(minutes=2)
PRESENCE_TTL = timedelta(seconds=30)
CLOSE_WITHIN_S = 0.5


async def connect(url: str, *, name: str) -> Client:
    """A connection that comes back by itself for as long as the process lives; waits for a broker that is not up yet."""

    async def on_error(error: Exception) -> None:
        log.warning("bus.failed", error=str(error) or type(error).__name__)

    async def on_disconnect() -> None:
        log.warning("bus.disconnected")

    async def on_reconnect() -> None:
        log.info("bus.reconnected")

    return await nats.connect(
        servers=url.split(","),
        name=name,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.25,
        ping_interval=5,
        max_outstanding_pings=2,
        error_cb=on_error,
        disconnected_cb=on_disconnect,
        reconnected_cb=on_reconnect,
    )


async def disconnect(nc: Client) -> None:
    """Close a connection for good, whether the broker is there or not; takes half a second at most."""
    # Without a broker nats-py still writes to the socket that is gone, which uvloop answers with a RuntimeError.
    with contextlib.suppress(TimeoutError, RuntimeError):
        await asyncio.wait_for(nc.close(), CLOSE_WITHIN_S)


async def ensure_streams(js: JetStreamContext, *, replicas: int = 1) -> None:
    """Create what is missing on the bus and bring what differs to the contract; harmless to repeat and to run twice."""
    for config in (
        StreamConfig(
            name=subjects.RESULTS_STREAM,
            subjects=["quivive.results.*.*"],
            storage=StorageType.FILE,
            max_age=RESULTS_KEPT.total_seconds(),
            duplicate_window=DEDUPE_WINDOW.total_seconds(),
            num_replicas=replicas,
        ),
        StreamConfig(
            name=subjects.EVENTS_STREAM,
            subjects=["quivive.events.*.*"],
            storage=StorageType.FILE,
            max_age=EVENTS_KEPT.total_seconds(),
            duplicate_window=DEDUPE_WINDOW.total_seconds(),
            num_replicas=replicas,
        ),
    ):
        try:
            await js.add_stream(config)
        except BadRequestError:  # it exists with another configuration
            await js.update_stream(config)
    for bucket in (
        KeyValueConfig(bucket=subjects.CHECKS_BUCKET, history=1, storage=StorageType.FILE, replicas=replicas),
        KeyValueConfig(
            bucket=subjects.PRESENCE_BUCKET,
            history=1,
            ttl=PRESENCE_TTL.total_seconds(),
            # A broker that restarts still knows who is there, and nobody has to make the bucket anew first.
            storage=StorageType.FILE,
            replicas=replicas,
        ),
    ):
        try:
            await js.key_value(bucket.bucket)
        except BucketNotFoundError:
            await js.create_key_value(bucket)
