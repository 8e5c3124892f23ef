"""The JSON face as an application of its own, under /api/v1 and /metrics/sites.

Each address stands for a gRPC method: who may ask, what they are shown, pages and filters are that method's. Records have the
fields that `--output json` of the command prints.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from api.auth import scope
from api.auth.callers import answer_to
from api.auth.gate import Gate
from api.auth.limits import Buckets
from api.auth.permissions import permission_of
from api.database import Database
from api.errors import ApiError, Internal, NotFound, PermissionDenied, ResourceExhausted, Unauthenticated, to_status
from api.json_face.parameters import from_query
from api.json_face.site_metrics import CONTENT_TYPE, site_metrics
from api.services.incidents import IncidentService
from api.services.sites import SiteService
from api.services.sla import SlaService
from quivive.v1 import incident_pb2, site_pb2, sla_pb2

log = structlog.get_logger(__name__)

PATHS = ("/api/", "/metrics/sites")
_HTTP = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Answer = Callable[[Request], Awaitable[Response]]


class Face:
    """The same services as gRPC's, by the same gate."""

    def __init__(
        self,
        gate: Gate,
        buckets: Buckets,
        database: Database,
        sites: SiteService,
        incidents: IncidentService,
        sla: SlaService,
    ) -> None:
        self._gate, self._buckets, self._database = gate, buckets, database
        self._sites, self._incidents, self._sla = sites, incidents, sla

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/v1/sites", self._told("SiteService/ListSites", self._list_sites)),
                Route("/api/v1/sites/{site}", self._told("SiteService/GetSite", self._get_site)),
                Route("/api/v1/incidents", self._told("IncidentService/ListIncidents", self._list_incidents)),
                Route("/api/v1/incidents/{incident}", self._told("IncidentService/GetIncident", self._get_incident)),
                Route("/api/v1/sla", self._told("SlaService/QuerySla", self._query_sla)),
                Route("/metrics/sites", self._told("SiteService/ListSites", self._site_metrics)),
                Route("/{path:path}", self._nothing),
            ]
        )

    def _told(self, method: str, answer: Answer) -> Answer:
        async def told(request: Request) -> Response:
            try:
                await self._admit(method, request)
                return await answer(request)
            except ApiError as error:
                return refusal(error)
            except Exception:
                log.exception("request.failed", path=request.url.path)
                return refusal(Internal("INTERNAL", "the server failed; its log says why"))

        return told

    async def _admit(self, method: str, request: Request) -> None:
        found = await self._gate.caller(request.headers.get("authorization"))
        if wait := self._buckets.take(found.token or found.person, time.monotonic()):
            raise ResourceExhausted("TOO_MANY_CALLS", f"too many calls: come back in {wait:.1f} s", retry_s=wait)
        roles = permission_of(f"/quivive.v1.{method}").roles
        if roles is None or found.role not in roles:
            raise PermissionDenied("NOT_ALLOWED", f"a token of role {found.role.name.lower()} may not do this")
        answer_to(found)

    async def _nothing(self, request: Request) -> Response:
        return refusal(NotFound("NO_SUCH_ADDRESS", "there is nothing at this address"))

    async def _list_sites(self, request: Request) -> Response:
        from quivive.cli.records import site_record  # for those who ask only

        wanted = from_query(request.query_params, site_pb2.ListSitesRequest())
        found = await self._sites.ListSites(wanted, _NO_CONTEXT)
        return _json({"sites": list(map(site_record, found.sites)), "next_page_token": found.next_page_token})

    async def _get_site(self, request: Request) -> Response:
        from quivive.cli.records import site_record

        wanted = site_pb2.GetSiteRequest(name=f"sites/{request.path_params['site']}")
        return _json(site_record(await self._sites.GetSite(wanted, _NO_CONTEXT)))

    async def _list_incidents(self, request: Request) -> Response:
        from quivive.cli.records import incident_record

        wanted = from_query(request.query_params, incident_pb2.ListIncidentsRequest())
        found = await self._incidents.ListIncidents(wanted, _NO_CONTEXT)
        return _json(
            {"incidents": list(map(incident_record, found.incidents)), "next_page_token": found.next_page_token}
        )

    async def _get_incident(self, request: Request) -> Response:
        from quivive.cli.records import incident_corrections, incident_events, incident_evidence, incident_record

        wanted = incident_pb2.GetIncidentRequest(name=f"incidents/{request.path_params['incident']}")
        found = await self._incidents.GetIncident(wanted, _NO_CONTEXT)
        return _json(
            {
                **incident_record(found),
                "events": incident_events(found),
                "evidence": incident_evidence(found),
                "corrections": incident_corrections(found),
            }
        )

    async def _query_sla(self, request: Request) -> Response:
        from quivive.cli.records import figure_record

        wanted = from_query(request.query_params, sla_pb2.QuerySlaRequest())
        found = await self._sla.QuerySla(wanted, _NO_CONTEXT)
        mean = found.mean_availability if found.HasField("mean_availability") else None
        return _json(
            {
                "start_time": found.start_time.ToJsonString(),
                "end_time": found.end_time.ToJsonString(),
                "mean_availability": mean,
                "figures": list(map(figure_record, found.figures)),
            }
        )

    async def _site_metrics(self, request: Request) -> Response:
        text = await site_metrics(self._database, scope.owner())
        return PlainTextResponse(text, media_type=CONTENT_TYPE, headers=_HEADERS)


_NO_CONTEXT: Any = None
"""The services answer without looking at gRPC's."""


def refusal(error: ApiError) -> JSONResponse:
    """The error as Google's APIs put it into JSON."""
    status = to_status(error)
    name = error.code.name
    details: list[dict[str, Any]] = [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": error.reason, "domain": "quivive"}
    ]
    if error.metadata:
        details[0]["metadata"] = error.metadata
    if error.violations:
        violations = [{"field": item.field, "description": item.description} for item in error.violations[:100]]
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations})
    code = _HTTP.get(name, 500)
    headers = dict(_HEADERS)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="quivive"'
    if error.retry_s is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_s)))
    body = {"code": code, "status": name, "message": status.message, "details": details}
    return JSONResponse({"error": body}, status_code=code, headers=headers)


def _json(content: Any) -> JSONResponse:
    return JSONResponse(content, headers=_HEADERS)
