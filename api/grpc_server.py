"""The gRPC server: every service, with health and reflection, behind one interceptor."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from api.apply.apply import Applier
from api.apply.edit import Editor
from api.auth.gate import Gate
from api.auth.limits import Buckets
from api.bus_link import BusLink
from api.database import Database
from api.heartbeats.addresses import Addresses
from api.interceptor import Interceptor
from api.json_face.app import Face
from api.mirror import CheckMirror
from api.oncall_calendar import Calendars
from api.presences import Presences
from api.report.report import Reporter
from api.services.audit import AuditService
from api.services.channels import ChannelService
from api.services.configuration import ConfigurationService
from api.services.customers import CustomerService
from api.services.evidence import EvidenceService
from api.services.incidents import IncidentService
from api.services.maintenance import MaintenanceService
from api.services.oncall import OnCallService
from api.services.plans import PlanService
from api.services.regions import RegionService
from api.services.reports import ReportService
from api.services.results import ResultService
from api.services.silences import SilenceService
from api.services.sites import SiteService
from api.services.sla import SlaService
from api.services.tokens import TokenService
from api.settings import ApiSettings
from api.streams.feed import Feed
from quivive.v1 import (
    audit_pb2_grpc,
    channel_pb2_grpc,
    configuration_pb2_grpc,
    customer_pb2_grpc,
    evidence_pb2_grpc,
    incident_pb2_grpc,
    maintenance_pb2_grpc,
    oncall_pb2_grpc,
    plan_pb2_grpc,
    region_pb2_grpc,
    report_pb2_grpc,
    result_pb2_grpc,
    site_pb2_grpc,
    sla_pb2_grpc,
    token_pb2_grpc,
)

log = structlog.get_logger(__name__)

MAX_MESSAGE_BYTES = 10 * 1024 * 1024
MOST_STREAMS = 1000
"""Calls at the same time on one connection."""
OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_concurrent_streams", MOST_STREAMS),
    # Otherwise a second server would quietly share the port.
    ("grpc.so_reuseport", 0),
    # Whoever watches and is gone is noticed; clients may look after us likewise.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the services work with."""

    database: Database
    mirror: CheckMirror
    presences: Presences
    addresses: Addresses | None
    link: BusLink
    feed: Feed
    settings: ApiSettings
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Built:
    """The server, without a port yet, what its health is said to be, and the services' JSON face."""

    server: grpc.aio.Server
    names: Sequence[str]
    statuses: HealthServicer
    face: Face


async def build(parts: Parts) -> Built:
    """The server with all its services."""
    settings = parts.settings
    if settings.api_auth == "off":
        log.warning("api.unguarded", bind=settings.bind)
    gate = Gate(parts.database, required=settings.api_auth == "required", own=own_tokens(settings))
    buckets = Buckets(settings.api_rate, settings.api_burst)
    server = grpc.aio.server(interceptors=[Interceptor(gate, buckets, parts.database)], options=OPTIONS)
    services = _services(parts)
    names, by_kind = [], {}
    for name, add, service in services:
        add(service, server)
        names.append(name)
        by_kind[type(service)] = service
    statuses = HealthServicer()
    for name in names:
        await statuses.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(statuses, server)
    reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    face = Face(
        gate,
        buckets,
        parts.database,
        by_kind[SiteService],
        by_kind[IncidentService],
        by_kind[SlaService],
    )
    return Built(server, names, statuses, face)


def _services(parts: Parts) -> list[tuple[str, Callable[[Any, grpc.aio.Server], None], Any]]:
    """Full name, how it is added, and the service."""
    database, settings, clock = parts.database, parts.settings, parts.clock
    applier = Applier(database, settings.min_interval, parts.mirror.wake, parts.addresses)
    editor = Editor(database, settings.min_interval, parts.mirror.wake, parts.addresses)
    named: list[tuple[str, Callable[[Any, Any], None], Any]] = [
        (
            "SiteService",
            site_pb2_grpc.add_SiteServiceServicer_to_server,
            SiteService(database, parts.addresses, editor, parts.feed, parts.link, settings.shards),
        ),
        (
            "CustomerService",
            customer_pb2_grpc.add_CustomerServiceServicer_to_server,
            CustomerService(database, editor),
        ),
        ("PlanService", plan_pb2_grpc.add_PlanServiceServicer_to_server, PlanService(database, editor)),
        (
            "IncidentService",
            incident_pb2_grpc.add_IncidentServiceServicer_to_server,
            IncidentService(database, parts.feed),
        ),
        ("SlaService", sla_pb2_grpc.add_SlaServiceServicer_to_server, SlaService(database, clock)),
        (
            "ResultService",
            result_pb2_grpc.add_ResultServiceServicer_to_server,
            ResultService(database, parts.link, settings.shards, clock),
        ),
        (
            "RegionService",
            region_pb2_grpc.add_RegionServiceServicer_to_server,
            RegionService(database, parts.presences, clock, editor),
        ),
        (
            "MaintenanceService",
            maintenance_pb2_grpc.add_MaintenanceServiceServicer_to_server,
            MaintenanceService(database, editor, clock),
        ),
        (
            "SilenceService",
            maintenance_pb2_grpc.add_SilenceServiceServicer_to_server,
            SilenceService(database, clock),
        ),
        (
            "ConfigurationService",
            configuration_pb2_grpc.add_ConfigurationServiceServicer_to_server,
            ConfigurationService(applier),
        ),
        (
            "ReportService",
            report_pb2_grpc.add_ReportServiceServicer_to_server,
            ReportService(Reporter(database, clock)),
        ),
        ("EvidenceService", evidence_pb2_grpc.add_EvidenceServiceServicer_to_server, EvidenceService(database)),
        ("TokenService", token_pb2_grpc.add_TokenServiceServicer_to_server, TokenService(database)),
        ("ChannelService", channel_pb2_grpc.add_ChannelServiceServicer_to_server, ChannelService(database)),
        (
            "OnCallService",
            oncall_pb2_grpc.add_OnCallServiceServicer_to_server,
            OnCallService(database, calendars(database, settings, clock), clock),
        ),
        ("AuditService", audit_pb2_grpc.add_AuditServiceServicer_to_server, AuditService(database)),
    ]
    return [(f"quivive.v1.{name}", add, service) for name, add, service in named]


def calendars(database: Database, settings: ApiSettings, clock: Callable[[], datetime]) -> Calendars:
    """The addresses of schedules' calendars, made and read alike."""
    key = None if settings.link_key is None else settings.link_key.get_secret_value()
    return Calendars(database, key, settings.public_url, clock)


def own_tokens(settings: ApiSettings) -> tuple[str, ...]:
    """The operator tokens that the settings name."""
    found = [] if settings.operator_token is None else [settings.operator_token.get_secret_value()]
    if settings.operator_token_file is not None:
        token = _read(settings.operator_token_file, "QUIVIVE_OPERATOR_TOKEN_FILE").decode("ascii", "replace").strip()
        if len(token) < 32:
            raise SystemExit("QUIVIVE_OPERATOR_TOKEN_FILE: holds no token of 32 characters or more")
        found.append(token)
    return tuple(found)


def credentials(settings: ApiSettings) -> grpc.ServerCredentials | None:
    """What gRPC shows, and asks of clients, by TLS; None without TLS."""
    if settings.grpc_cert is None or settings.grpc_key is None:
        return None
    authorities = None
    if settings.grpc_client_ca is not None:
        authorities = _read(settings.grpc_client_ca, "QUIVIVE_GRPC_CLIENT_CA")
    pair = (_read(settings.grpc_key, "QUIVIVE_GRPC_KEY"), _read(settings.grpc_cert, "QUIVIVE_GRPC_CERT"))
    return grpc.ssl_server_credentials([pair], authorities, require_client_auth=authorities is not None)


def _read(path: Path, setting: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SystemExit(f"{setting}: {path} cannot be read: {error.strerror}") from None
