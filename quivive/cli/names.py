"""Names that the shell completes. Whatever goes wrong on the way, the shell is told nothing and offers nothing."""

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import grpc

WITHIN_S = 2.0
MOST = 1000


def _completing(names: "Callable[[grpc.Channel, str], Iterable[str]]") -> Callable[[typer.Context, str], list[str]]:
    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        from quivive.cli.connection import connected

        parent: Any = ctx
        while parent is not None:
            if profile := parent.params.get("profile"):
                os.environ["QUIVIVE_PROFILE"] = profile
            parent = parent.parent
        try:
            with connected(ctx.params.get("server") or os.environ.get("QUIVIVE_SERVER", "")) as channel:
                found = names(channel, incomplete)
                return [name for name in (name.partition("/")[2] for name in found) if name.startswith(incomplete)]
        except Exception:
            return []

    return complete


def _sites(channel: "grpc.Channel", incomplete: str) -> Iterable[str]:
    from quivive.v1 import site_pb2, site_pb2_grpc

    request = site_pb2.ListSitesRequest(page_size=MOST)
    return [site.name for site in site_pb2_grpc.SiteServiceStub(channel).ListSites(request, timeout=WITHIN_S).sites]


def _customers(channel: "grpc.Channel", incomplete: str) -> Iterable[str]:
    from quivive.v1 import customer_pb2, customer_pb2_grpc

    stub = customer_pb2_grpc.CustomerServiceStub(channel)
    found = stub.ListCustomers(customer_pb2.ListCustomersRequest(page_size=MOST), timeout=WITHIN_S)
    return [customer.name for customer in found.customers]


def _incidents(channel: "grpc.Channel", incomplete: str) -> Iterable[str]:
    from quivive.v1 import incident_pb2, incident_pb2_grpc

    stub = incident_pb2_grpc.IncidentServiceStub(channel)
    found = stub.ListIncidents(incident_pb2.ListIncidentsRequest(page_size=100), timeout=WITHIN_S)
    return [incident.name for incident in found.incidents]


def _regions(channel: "grpc.Channel", incomplete: str) -> Iterable[str]:
    from quivive.v1 import region_pb2, region_pb2_grpc

    found = region_pb2_grpc.RegionServiceStub(channel).ListRegions(region_pb2.ListRegionsRequest(), timeout=WITHIN_S)
    return [region.name for region in found.regions]


def complete_profile(incomplete: str) -> list[str]:
    from quivive.cli.failures import Failure
    from quivive.cli.profiles import load_profiles

    try:
        return [name for name in load_profiles().profiles if name.startswith(incomplete)]
    except Failure:
        return []


complete_site = _completing(_sites)
complete_customer = _completing(_customers)
complete_incident = _completing(_incidents)
complete_region = _completing(_regions)
