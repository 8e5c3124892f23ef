"""The real api in the test's own process, on a real database and a real broker, and typed clients for it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import grpc
import httpx
import psycopg
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from api.serve import Ports, serve
from api.settings import ApiSettings
from quivive.domain.words import Cause, State, responsibility_for
from quivive.tokens import new_token
from quivive.v1 import (
    audit_pb2_grpc,
    configuration_pb2,
    configuration_pb2_grpc,
    customer_pb2_grpc,
    incident_pb2_grpc,
    maintenance_pb2_grpc,
    plan_pb2_grpc,
    region_pb2_grpc,
    report_pb2_grpc,
    result_pb2_grpc,
    site_pb2_grpc,
    sla_pb2_grpc,
    token_pb2_grpc,
)

WITHIN_S = 30

CONFIGURATION: dict[str, Any] = {
    "regions": [{"id": "ap-south"}, {"id": "eu-west", "title": "Western Europe"}, {"id": "us-east"}],
    "customers": [
        {"id": "martin", "name": "Boulangerie Martin", "plan": "premium", "locale": "fr", "timezone": "Europe/Paris"}
    ],
    "sites": [
        {
            "id": "martin-www",
            "customer": "martin",
            "url": "https://www.boulangerie-martin.example/",
            "headers": {"X-Check": "yes"},
            "expect": {"status": [200], "body_contains": "Boulangerie"},
            "maintenance": [{"cron": "0 3 * * SUN", "duration": "1h"}],
        }
    ],
    "channels": [{"id": "ops", "type": "email", "to": ["ops@agency.example"]}],
}


@dataclass(frozen=True)
class Api:
    """A running api."""

    ports: Ports
    channel: grpc.aio.Channel
    web: httpx.AsyncClient
    database_url: str
    token: str
    """An operator's."""

    @property
    def configuration(self) -> Any:
        return configuration_pb2_grpc.ConfigurationServiceStub(self.channel)

    @property
    def sites(self) -> Any:
        return site_pb2_grpc.SiteServiceStub(self.channel)

    @property
    def incidents(self) -> Any:
        return incident_pb2_grpc.IncidentServiceStub(self.channel)

    @property
    def sla(self) -> Any:
        return sla_pb2_grpc.SlaServiceStub(self.channel)

    @property
    def regions(self) -> Any:
        return region_pb2_grpc.RegionServiceStub(self.channel)

    @property
    def reports(self) -> Any:
        return report_pb2_grpc.ReportServiceStub(self.channel)

    @property
    def customers(self) -> Any:
        return customer_pb2_grpc.CustomerServiceStub(self.channel)

    @property
    def plans(self) -> Any:
        return plan_pb2_grpc.PlanServiceStub(self.channel)

    @property
    def results(self) -> Any:
        return result_pb2_grpc.ResultServiceStub(self.channel)

    @property
    def maintenance(self) -> Any:
        return maintenance_pb2_grpc.MaintenanceServiceStub(self.channel)

    @property
    def silences(self) -> Any:
        return maintenance_pb2_grpc.SilenceServiceStub(self.channel)

    @property
    def tokens(self) -> Any:
        return token_pb2_grpc.TokenServiceStub(self.channel)

    @property
    def audit(self) -> Any:
        return audit_pb2_grpc.AuditServiceStub(self.channel)

    async def apply(
        self, configuration: dict[str, Any] | str, *, prune: bool = False, validate_only: bool = False
    ) -> list[tuple[str, str, list[str]]]:
        """(action, name, fields) of every change."""
        text = configuration if isinstance(configuration, str) else json.dumps(configuration)
        response = await self.configuration.ApplyConfiguration(
            configuration_pb2.ApplyConfigurationRequest(configuration=text, prune=prune, validate_only=validate_only)
        )
        action = configuration_pb2.Change.Action
        return [
            (action.Name(change.action).removeprefix("ACTION_"), change.name, list(change.fields))
            for change in response.changes
        ]

    def check_id(self, site: str, name: str = "http") -> int:
        ((check,),) = self.rows(
            "SELECT check_id FROM quivive.checks WHERE site_id = %s AND name = %s AND delete_time IS NULL", site, name
        )
        return int(check)

    def born(self, site: str, moment: datetime) -> None:
        """Let the site's checks have been created then, and its maintenance declared."""
        self.rows("UPDATE quivive.checks SET create_time = %s WHERE site_id = %s", moment, site)
        self.rows("UPDATE quivive.maintenance SET create_time = %s WHERE site_id = %s", moment, site)

    def intervals(self, site: str, *spans: tuple[datetime, datetime | None, State], name: str = "http") -> None:
        """Record state intervals of a check."""
        check = self.check_id(site, name)
        for start, end, state in spans:
            self.rows(
                "INSERT INTO quivive.state_intervals (check_id, start_time, end_time, state, reason)"
                " VALUES (%s, %s, %s, %s, 'test')",
                *(check, start, end, state.value),
            )

    def incident(
        self,
        site: str,
        incident: str,
        start: datetime,
        resolve: datetime | None = None,
        *,
        name: str = "http",
        cause: Cause = Cause.HTTP_STATUS_5XX,
        detail: str = "HTTP 503 from 192.0.2.7:443",
        simulated: bool = False,
    ) -> None:
        """Record an incident that was confirmed six seconds after its start, with its events."""
        confirm = start + timedelta(seconds=6)
        self.rows(
            "INSERT INTO quivive.incidents (incident_id, check_id, site_id, customer_id, start_time, confirm_time,"
            " resolve_time, cause, responsibility, regions, detail, reason, close_reason, simulated)"
            " SELECT %s, %s, site_id, customer_id, %s, %s, %s, %s, %s, '{eu-west,us-east}', %s, 'quorum', %s, %s"
            " FROM quivive.sites WHERE site_id = %s",
            *(incident, self.check_id(site, name), start, confirm, resolve, cause.value),
            *(responsibility_for(cause).value, detail, "recovered" if resolve else None, simulated, site),
        )
        events = [("confirmed", confirm, "2 of 3 regions"), ("paged", confirm, "email ops")]
        if resolve:
            events.append(("resolved", resolve, "recovered"))
        for kind, time, text in events:
            self.rows(
                "INSERT INTO quivive.incident_events (event_key, incident_id, time, kind, detail)"
                " VALUES (%s, %s, %s, %s, %s)",
                *(f"{kind}/{incident}", incident, time, kind, text),
            )

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Ask the database behind the api's back; returns no rows for a statement."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(query, parameters or None)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []


class _Shown:
    """Shows a token with every call that shows none itself."""

    def __init__(self, token: str) -> None:
        self._token = token

    def _with_token(self, details: Any) -> Any:
        metadata = grpc.aio.Metadata(*(details.metadata or ()))
        if "authorization" not in metadata:
            metadata.add("authorization", f"Bearer {self._token}")
        return details._replace(metadata=metadata)


class _ShownUnary(_Shown, grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc,type-arg]
    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await continuation(self._with_token(client_call_details), request)


class _ShownStream(_Shown, grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[misc,type-arg]
    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await continuation(self._with_token(client_call_details), request)


def channel_to(address: str, token: str) -> grpc.aio.Channel:
    """A channel that shows the token; an empty one shows none."""
    if not token:
        return grpc.aio.insecure_channel(address)
    return grpc.aio.insecure_channel(address, interceptors=[_ShownUnary(token), _ShownStream(token)])


@asynccontextmanager
async def running_api(database_url: str, nats_url: str, **settings: Any) -> AsyncIterator[Api]:
    """Start the api on free ports, stop it afterwards."""
    stop, ports = asyncio.Event(), asyncio.get_running_loop().create_future()
    token = str(new_token())
    values = {
        "database_url": database_url,
        "nats_url": nats_url,
        "grpc_port": 0,
        "http_port": 0,
        "operator_token": token,
        **settings,
    }
    task = asyncio.create_task(serve(ApiSettings(**values), stop, ports.set_result))
    await asyncio.wait({task, ports}, return_when=asyncio.FIRST_COMPLETED, timeout=WITHIN_S)
    if task.done():
        await task
    listening: Ports = ports.result()
    try:
        async with (
            channel_to(f"127.0.0.1:{listening.grpc}", token) as channel,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{listening.http}", trust_env=False) as web,
        ):
            yield Api(listening, channel, web, database_url, token)
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


@dataclass(frozen=True)
class Refusal:
    """An error as a client sees it; violations are (field, description)."""

    code: grpc.StatusCode
    message: str
    reason: str
    domain: str
    violations: list[tuple[str, str]]


def refusal(error: grpc.aio.AioRpcError) -> Refusal:
    """Read the status out of the trailer, where every error has to have one."""
    trailers = dict(error.trailing_metadata() or ())
    raw = trailers["grpc-status-details-bin"]
    assert isinstance(raw, bytes)
    status = Status.FromString(raw)
    info, violations = ErrorInfo(), []
    assert status.details[0].Unpack(info)
    for detail in status.details[1:]:
        bad_request = BadRequest()
        if not detail.Unpack(bad_request):  # RetryInfo
            continue
        violations = [(entry.field, entry.description) for entry in bad_request.field_violations]
    assert status.code == error.code().value[0]
    return Refusal(error.code(), status.message, info.reason, info.domain, violations)
