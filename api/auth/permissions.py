"""What every method takes: the one table. A method that does not stand here is refused to everybody."""

from collections.abc import Mapping
from dataclasses import dataclass

from api.auth.callers import Role

EVERYBODY = frozenset(Role)
STAFF = frozenset({Role.OPERATOR, Role.READER})
OPERATORS = frozenset({Role.OPERATOR})


@dataclass(frozen=True, slots=True)
class Permission:
    """Who may; None: whoever asks, without a token. What `writes` is kept in the audit log."""

    roles: frozenset[Role] | None
    writes: bool = False


OPEN = Permission(None)
SCOPED = Permission(EVERYBODY)
"""Customers, too: the method shows them nothing but what is theirs."""
READ = Permission(STAFF)
WRITE = Permission(OPERATORS, writes=True)

_OWN = {
    "SiteService": {
        SCOPED: "GetSite ListSites WatchSites",
        WRITE: "CreateSite UpdateSite DeleteSite PauseSite ResumeSite CheckNow",
    },
    "CustomerService": {SCOPED: "GetCustomer ListCustomers", WRITE: "CreateCustomer UpdateCustomer DeleteCustomer"},
    "PlanService": {SCOPED: "GetPlan ListPlans", READ: "ListPlanVersions", WRITE: "CreatePlan UpdatePlan DeletePlan"},
    "IncidentService": {
        SCOPED: "GetIncident ListIncidents WatchIncidents",
        READ: "ExplainVerdict",
        WRITE: "CorrectIncident AcknowledgeIncident CommentIncident",
    },
    "SlaService": {SCOPED: "QuerySla BatchQuerySla QueryLatency QueryResponseTargets"},
    "ResultService": {SCOPED: "ListResults TailResults"},
    "RegionService": {READ: "GetRegion ListRegions", WRITE: "CreateRegion DrainRegion UndrainRegion DeleteRegion"},
    "MaintenanceService": {SCOPED: "GetMaintenance ListMaintenance", WRITE: "CreateMaintenance DeleteMaintenance"},
    "SilenceService": {READ: "ListSilences", WRITE: "CreateSilence DeleteSilence"},
    "OnCallService": {READ: "ListSchedules GetSchedule WhoIsOnCall", WRITE: "CreateOverride DeleteOverride"},
    "ChannelService": {READ: "ListChannels", WRITE: "TestChannel"},
    "ConfigurationService": {READ: "GetConfiguration", WRITE: "ApplyConfiguration"},
    "ReportService": {SCOPED: "RenderReport"},
    "EvidenceService": {READ: "ListEvidenceEntries", WRITE: "EraseCustomer"},
    "TokenService": {
        SCOPED: "GetCaller",
        Permission(OPERATORS): "ListTokens",
        WRITE: "CreateToken RevokeToken",
    },
    "AuditService": {Permission(OPERATORS): "ListAuditEntries"},
}

PERMISSIONS: Mapping[str, Permission] = {
    f"/quivive.v1.{service}/{method}": permission
    for service, permissions in _OWN.items()
    for permission, methods in permissions.items()
    for method in methods.split()
} | {
    # What there is to call is no secret; nor is whether the server is up.
    "/grpc.health.v1.Health/Check": OPEN,
    "/grpc.health.v1.Health/List": OPEN,
    "/grpc.health.v1.Health/Watch": OPEN,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": OPEN,
}
"""By the full name of the method, as gRPC has it."""

REFUSED = Permission(frozenset())


def permission_of(method: str) -> Permission:
    """What a method takes; of one that nobody has thought of, more than anybody has."""
    return PERMISSIONS.get(method, REFUSED)
