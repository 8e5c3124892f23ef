"""Tells the api what to watch, and asks it which regions there are."""

from datetime import timedelta
from typing import cast

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from quivive.configuration import Configuration, Loaded, RegionConfig, canonical_json
from quivive.embedded.supervise import Failed
from quivive.settings import EXIT_USAGE
from quivive.v1 import configuration_pb2, configuration_pb2_grpc, region_pb2, region_pb2_grpc

CALL_WITHIN = timedelta(seconds=60)
"""A first apply of thousands of sites is one long transaction."""
DEFAULT_REGION = "local"


async def regions(address: str, token: str) -> tuple[str, ...]:
    """The regions that were declared earlier, by name."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = region_pb2_grpc.RegionServiceStub(channel)
        try:
            answer = await stub.ListRegions(
                region_pb2.ListRegionsRequest(),
                timeout=CALL_WITHIN.total_seconds(),
                wait_for_ready=True,
                metadata=_shown(token),
            )
        except grpc.aio.AioRpcError as error:
            raise Failed(f"the api does not answer: {error.details()}") from None
    return tuple(region.name.removeprefix("regions/") for region in answer.regions if region.declared)


async def apply(
    address: str, token: str, configuration: Configuration, loaded: Loaded | None
) -> list[configuration_pb2.Change]:
    """Make the configuration so; what changed. Raises Failed with every objection, at its place in the files."""
    request = configuration_pb2.ApplyConfigurationRequest(configuration=canonical_json(configuration))
    async with grpc.aio.insecure_channel(address) as channel:
        stub = configuration_pb2_grpc.ConfigurationServiceStub(channel)
        try:
            answer = await stub.ApplyConfiguration(
                request, timeout=CALL_WITHIN.total_seconds(), wait_for_ready=True, metadata=_shown(token)
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:
                raise Failed(f"the configuration could not be applied: {error.details()}") from None
            raise Failed("\n".join(_objections(error, loaded)), EXIT_USAGE) from None
    return list(answer.changes)


def _shown(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def with_regions(configuration: Configuration, names: tuple[str, ...]) -> Configuration:
    """The configuration with these regions declared. Several on one machine are not independent: marked simulated."""
    simulated = len(names) > 1
    declared = {region.id: region for region in configuration.regions}
    for name in names:
        known = declared.get(name, RegionConfig(id=name))
        declared[name] = known.model_copy(update={"simulated": known.simulated or simulated})
    return configuration.model_copy(update={"regions": tuple(declared.values())})


def _objections(error: grpc.aio.AioRpcError, loaded: Loaded | None) -> list[str]:
    status = rpc_status.from_call(cast(grpc.Call, error))
    lines: list[str] = []
    for detail in status.details if status else ():
        request = error_details_pb2.BadRequest()
        if detail.Unpack(request):
            for violation in request.field_violations:
                objection = loaded.problem_at(violation.field, violation.description) if loaded else None
                lines.append(str(objection or f"{violation.field}: {violation.description}"))
    return lines or [str(error.details())]
