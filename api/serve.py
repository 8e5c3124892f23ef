"""Serve: gRPC and the web in one process, both on the same database, with the check mirror beside them.

1. Take both ports; one that is busy is the user's to change.
2. Open the database pool and start following the bus; neither is waited for, so that pages and calls can say what is missing.
3. Serve until told to stop, then let running calls end.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import grpc
import structlog
import uvicorn
from nats.aio.client import Client
from nats.errors import Error as NatsError
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api import serving as serving_status
from api.auth import audit
from api.bus_link import BusLink
from api.database import Database
from api.grpc_server import Parts, build, calendars, credentials
from api.heartbeats.addresses import Addresses
from api.heartbeats.calls import Calls
from api.heartbeats.observer import Observer
from api.inbound.link_page import LinkPage
from api.inbound.routes import Inbound
from api.json_face.app import PATHS, Face
from api.mirror import CheckMirror
from api.presences import Presences
from api.settings import ApiSettings
from api.status.directory import Directory
from api.status.pages import StatusPages
from api.status.routes import StatusRoutes
from api.streams.feed import Feed
from api.web.app import application
from api.web.pages import Pages
from quivive import bus

log = structlog.get_logger(__name__)

GRACE_S = 2.0
"""What running calls and pages are given to end."""


class AddressTaken(Exception):
    """An address cannot be listened on; the text is for the user."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the api listens."""

    grpc: int
    http: int


async def serve(settings: ApiSettings, stop: asyncio.Event, on_started: Callable[[Ports], None] | None = None) -> None:
    """Serve until `stop` is set; `on_started` learns the ports. AddressTaken when a port cannot be had."""
    database = Database(settings.database_url.get_secret_value(), on_write=audit.record)
    mirror, presences, link, feed = CheckMirror(database), Presences(), BusLink(), Feed(database)
    addresses = _addresses(settings)
    observer = Observer(database, addresses, settings.shards) if addresses is not None else None
    web_socket = _listen(settings.bind, settings.http_port, "QUIVIVE_HTTP_PORT")
    try:
        parts = Parts(database, mirror, presences, addresses, link, feed, settings, _now)
        built = await build(parts)
        grpc_server, statuses = built.server, built.statuses
        grpc_port = _add_port(grpc_server, settings)
    except AddressTaken:
        web_socket.close()
        raise
    await database.open()
    following = asyncio.create_task(_follow_bus(settings.nats_url, mirror, presences, observer, link), name="bus")
    feeding = asyncio.create_task(feed.run(), name="feed")
    telling = asyncio.create_task(serving_status.follow(built.names, statuses.set, database.not_ready), name="health")
    web = _web_server(database, settings, Calls(database) if addresses is not None else None, built.face)
    await grpc_server.start()
    serving = asyncio.create_task(web.serve(sockets=[web_socket]), name="web")
    ports = Ports(grpc_port, web_socket.getsockname()[1])
    log.info("api.started", bind=settings.bind, grpc_port=ports.grpc, http_port=ports.http)
    if on_started is not None:
        on_started(ports)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    await statuses.enter_graceful_shutdown()
    web.should_exit = True
    # Watchers are told at once: they resume elsewhere, or here when we are back.
    feed.close()
    await asyncio.gather(grpc_server.stop(GRACE_S), serving)
    following.cancel()
    feeding.cancel()
    telling.cancel()
    await asyncio.gather(following, feeding, telling, return_exceptions=True)
    await database.close()
    log.info("api.stopped")


def _now() -> datetime:
    return datetime.now(UTC)


class _Web(uvicorn.Server):
    """Leaves signals to the process, which also has gRPC to stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _addresses(settings: ApiSettings) -> Addresses | None:
    """Where jobs call; None where they cannot."""
    if settings.heartbeat_key is None:
        return None
    return Addresses(settings.heartbeat_key.get_secret_value(), settings.public_url)


def _replies(database: Database, settings: ApiSettings) -> list[Route]:
    """Where people and services acknowledge."""
    routes = Inbound(database).routes()
    if settings.link_key is not None:
        routes += calendars(database, settings, _now).routes()
        routes += LinkPage(database, settings.link_key.get_secret_value().encode()).routes()
    return routes


def _beside(pages: ASGIApp, face: ASGIApp) -> ASGIApp:
    """The JSON face under its own paths, the pages under all others."""

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        await (face if path.startswith(PATHS) else pages)(scope, receive, send)

    return both


def _web_server(database: Database, settings: ApiSettings, calls: Calls | None, face: Face) -> _Web:
    status = StatusRoutes(Directory(database), StatusPages(database, _now), settings.public_url)
    return _Web(
        uvicorn.Config(
            _beside(
                application(Pages(database, _now), status, database.not_ready, calls, _replies(database, settings)),
                face.application(),
            ),
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=int(GRACE_S),
        )
    )


async def _follow_bus(
    url: str, mirror: CheckMirror, presences: Presences, observer: Observer | None, link: BusLink
) -> None:
    """For as long as the process lives; the connection waits for a broker that is not up yet."""
    nc: Client = await bus.connect(url, name="api")
    link.connected(nc)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(mirror.run(nc), name="mirror")
            await mirror.bus_prepared.wait()
            group.create_task(presences.follow(nc), name="presences")
            if observer is not None:
                group.create_task(observer.run(nc), name="heartbeats")
    finally:
        try:
            await asyncio.wait_for(nc.close(), 1.0)
        except (NatsError, TimeoutError) as error:
            log.debug("bus.close_failed", error=str(error))


def _listen(bind: str, port: int, setting: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    try:
        return socket.create_server((bind, port), family=family, backlog=128)
    except OSError as error:
        # create_server puts more words into strerror; a name that does not resolve has no errno of the system's.
        why = error.strerror if isinstance(error, socket.gaierror) or error.errno is None else os.strerror(error.errno)
        raise AddressTaken(f"{setting}: cannot listen on {bind} port {port}: {why}") from None


def _add_port(server: grpc.aio.Server, settings: ApiSettings) -> int:
    bind, port = settings.bind, settings.grpc_port
    # gRPC says only that it failed; a socket says why.
    _listen(bind, port, "QUIVIVE_GRPC_PORT").close()
    address = f"[{bind}]:{port}" if ":" in bind else f"{bind}:{port}"
    try:
        shown = credentials(settings)
        return server.add_insecure_port(address) if shown is None else server.add_secure_port(address, shown)
    except RuntimeError as error:
        raise AddressTaken(f"QUIVIVE_GRPC_PORT: cannot listen on {bind} port {port}: {error}") from None
