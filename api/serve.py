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
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection
from nats.aio.client import Client
from nats.errors import Error as NatsError

from api.apply.apply import Applier
from api.database import Database
from api.heartbeats.addresses import Addresses
from api.heartbeats.calls import Calls
from api.heartbeats.observer import Observer
from api.interceptor import Interceptor
from api.mirror import CheckMirror
from api.presences import Presences
from api.report.report import Reporter
from api.services.configuration import ConfigurationService
from api.services.evidence import EvidenceService
from api.services.incidents import IncidentService
from api.services.regions import RegionService
from api.services.reports import ReportService
from api.services.sites import SiteService
from api.services.sla import SlaService
from api.settings import ApiSettings
from api.web.app import application
from api.web.pages import Pages
from quivive import bus
from quivive.v1 import (
    configuration_pb2,
    configuration_pb2_grpc,
    evidence_pb2,
    evidence_pb2_grpc,
    incident_pb2,
    incident_pb2_grpc,
    region_pb2,
    region_pb2_grpc,
    report_pb2,
    report_pb2_grpc,
    site_pb2,
    site_pb2_grpc,
    sla_pb2,
    sla_pb2_grpc,
)

log = structlog.get_logger(__name__)

MAX_MESSAGE_BYTES = 10 * 1024 * 1024
GRACE_S = 2.0
"""What running calls and pages are given to end."""

SERVICES = tuple(
    module.DESCRIPTOR.services_by_name[name].full_name
    for module, name in (
        (site_pb2, "SiteService"),
        (incident_pb2, "IncidentService"),
        (sla_pb2, "SlaService"),
        (region_pb2, "RegionService"),
        (configuration_pb2, "ConfigurationService"),
        (report_pb2, "ReportService"),
        (evidence_pb2, "EvidenceService"),
    )
)


class AddressTaken(Exception):
    """An address cannot be listened on; the text is for the user."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the api listens."""

    grpc: int
    http: int


async def serve(settings: ApiSettings, stop: asyncio.Event, on_started: Callable[[Ports], None] | None = None) -> None:
    """Serve until `stop` is set; `on_started` learns the ports. AddressTaken when a port cannot be had."""
    database = Database(settings.database_url.get_secret_value())
    mirror, presences = CheckMirror(database), Presences()
    addresses = _addresses(settings)
    observer = Observer(database, addresses, settings.shards) if addresses is not None else None
    web_socket = _listen(settings.bind, settings.http_port, "QUIVIVE_HTTP_PORT")
    try:
        grpc_server, statuses = await _grpc_server(database, mirror, presences, addresses, settings)
        grpc_port = _add_port(grpc_server, settings.bind, settings.grpc_port)
    except AddressTaken:
        web_socket.close()
        raise
    await database.open()
    following = asyncio.create_task(_follow_bus(settings.nats_url, mirror, presences, observer), name="bus")
    web = _web_server(database, Calls(database) if addresses is not None else None)
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
    await asyncio.gather(grpc_server.stop(GRACE_S), serving)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await database.close()
    log.info("api.stopped")


def _now() -> datetime:
    return datetime.now(UTC)


async def _grpc_server(
    database: Database,
    mirror: CheckMirror,
    presences: Presences,
    addresses: Addresses | None,
    settings: ApiSettings,
) -> tuple[grpc.aio.Server, HealthServicer]:
    server = grpc.aio.server(
        interceptors=[Interceptor()],
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            # Otherwise a second server would quietly share the port.
            ("grpc.so_reuseport", 0),
        ],
    )
    site_pb2_grpc.add_SiteServiceServicer_to_server(SiteService(database, addresses), server)
    incident_pb2_grpc.add_IncidentServiceServicer_to_server(IncidentService(database), server)
    sla_pb2_grpc.add_SlaServiceServicer_to_server(SlaService(database, _now), server)
    region_pb2_grpc.add_RegionServiceServicer_to_server(RegionService(database, presences, _now), server)
    applier = Applier(database, settings.min_interval, mirror.wake, addresses)
    configuration_pb2_grpc.add_ConfigurationServiceServicer_to_server(ConfigurationService(applier), server)
    report_pb2_grpc.add_ReportServiceServicer_to_server(ReportService(Reporter(database, _now)), server)
    evidence_pb2_grpc.add_EvidenceServiceServicer_to_server(EvidenceService(database), server)
    statuses = HealthServicer()
    for name in SERVICES:
        await statuses.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(statuses, server)
    reflection.enable_server_reflection((*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return server, statuses


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


def _web_server(database: Database, calls: Calls | None) -> _Web:
    return _Web(
        uvicorn.Config(
            application(Pages(database, _now), database.not_ready, calls),
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=int(GRACE_S),
        )
    )


async def _follow_bus(url: str, mirror: CheckMirror, presences: Presences, observer: Observer | None) -> None:
    """For as long as the process lives; the connection waits for a broker that is not up yet."""
    nc: Client = await bus.connect(url, name="api")
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


def _add_port(server: grpc.aio.Server, bind: str, port: int) -> int:
    # gRPC says only that it failed; a socket says why.
    _listen(bind, port, "QUIVIVE_GRPC_PORT").close()
    host = f"[{bind}]" if ":" in bind else bind
    try:
        return server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise AddressTaken(f"QUIVIVE_GRPC_PORT: cannot listen on {bind} port {port}: {error}") from None
