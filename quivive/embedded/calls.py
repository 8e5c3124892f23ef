"""A program that makes the supervisor's calls of the api, for as long as its input is open: `python -m quivive.embedded.calls`.

A process of its own, since what gRPC takes of memory would stay with the supervisor for as long as it runs. One JSON object a line,
in and out: `{"call": "regions" | "apply", "address", "token", "configuration"}`, answered by `{"regions": [...]}`, `{}`, or
`{"error": text, "violations": [[field, description], ...] | null}`.
"""

import asyncio
import json
import sys
from typing import Any, cast

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from quivive.v1 import configuration_pb2, configuration_pb2_grpc, region_pb2, region_pb2_grpc

WITHIN_S = 60.0
"""A first apply of thousands of sites is one long transaction."""


async def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one request."""
    metadata = (("authorization", f"Bearer {request['token']}"),)
    async with grpc.aio.insecure_channel(request["address"]) as channel:
        try:
            if request["call"] == "regions":
                listed = await region_pb2_grpc.RegionServiceStub(channel).ListRegions(
                    region_pb2.ListRegionsRequest(), timeout=WITHIN_S, wait_for_ready=True, metadata=metadata
                )
                return {"regions": [r.name.removeprefix("regions/") for r in listed.regions if r.declared]}
            await configuration_pb2_grpc.ConfigurationServiceStub(channel).ApplyConfiguration(
                configuration_pb2.ApplyConfigurationRequest(configuration=request["configuration"]),
                timeout=WITHIN_S,
                wait_for_ready=True,
                metadata=metadata,
            )
        except grpc.aio.AioRpcError as error:
            return {"error": error.details(), "violations": _violations(error)}
    return {}


def _violations(error: grpc.aio.AioRpcError) -> list[tuple[str, str]] | None:
    if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:
        return None
    status = rpc_status.from_call(cast(grpc.Call, error))
    found = []
    for detail in status.details if status else ():
        request = error_details_pb2.BadRequest()
        if detail.Unpack(request):
            found += [(violation.field, violation.description) for violation in request.field_violations]
    return found


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(asyncio.run(answer(json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
