"""RegionService: the regions, their agents and what they can see."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from api import names
from api.apply.edit import Editor, creation_of, missing
from api.database import Database
from api.presences import Presences
from api.regions import RegionRow, read_regions
from api.services.messages import duration, timestamp
from quivive.domain.times import to_datetime, to_us
from quivive.v1 import bus_pb2, region_pb2, region_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class RegionService(region_pb2_grpc.RegionServiceServicer):
    def __init__(self, database: Database, presences: Presences, clock: Callable[[], datetime], editor: Editor) -> None:
        self._database = database
        self._presences = presences
        self._clock = clock
        self._editor = editor

    async def GetRegion(self, request: region_pb2.GetRegionRequest, context: Context) -> region_pb2.Region:
        return await self._region(names.region_id(request.name))

    async def ListRegions(
        self, request: region_pb2.ListRegionsRequest, context: Context
    ) -> region_pb2.ListRegionsResponse:
        return region_pb2.ListRegionsResponse(regions=await self._regions())

    async def CreateRegion(self, request: region_pb2.CreateRegionRequest, context: Context) -> region_pb2.Region:
        creation = creation_of(request.request_id, "CreateRegion", request.SerializeToString(deterministic=True))
        id_ = names.new_id(request.region_id, "region_id")
        data: dict[str, Any] = {"title": request.region.title} if request.region.title else {}
        if request.region.simulated:
            data["simulated"] = True
        return await self._region(await self._editor.create("regions", id_, data, creation))

    async def DrainRegion(self, request: region_pb2.DrainRegionRequest, context: Context) -> region_pb2.Region:
        return await self._drained(request.name, drained=True)

    async def UndrainRegion(self, request: region_pb2.UndrainRegionRequest, context: Context) -> region_pb2.Region:
        return await self._drained(request.name, drained=False)

    async def DeleteRegion(self, request: region_pb2.DeleteRegionRequest, context: Context) -> Empty:
        await self._editor.delete("regions", names.region_id(request.name))
        return Empty()

    async def _drained(self, name: str, *, drained: bool) -> region_pb2.Region:
        region = names.region_id(name)
        await self._editor.update("regions", region, lambda before: {**before, "drained": drained})
        return await self._region(region)

    async def _region(self, region: str) -> region_pb2.Region:
        for message in await self._regions():
            if message.name == f"regions/{region}":
                return message
        raise missing("regions", region)

    async def _regions(self) -> list[region_pb2.Region]:
        agents: defaultdict[str, list[region_pb2.Agent]] = defaultdict(list)
        simulated: defaultdict[str, bool] = defaultdict(bool)
        for presence, heard_us in self._presences.heard(to_us(self._clock())):
            agents[presence.region].append(_agent_message(presence, heard_us))
            simulated[presence.region] |= presence.simulated
        declared = await read_regions(self._database)
        messages = [_region_message(row, agents.pop(row.name, []), simulated[row.name]) for row in declared]
        # What is left reports from regions that nobody declared.
        messages += [
            region_pb2.Region(name=f"regions/{name}", simulated=simulated[name], declared=False, agents=strangers)
            for name, strangers in agents.items()
        ]
        return sorted(messages, key=lambda region: region.name)


def _region_message(row: RegionRow, agents: list[region_pb2.Agent], simulated: bool) -> region_pb2.Region:
    return region_pb2.Region(
        name=f"regions/{row.name}",
        simulated=row.simulated or simulated,
        blind=row.blind_time is not None,
        blind_reason=row.blind_reason or "",
        blind_time=timestamp(row.blind_time),
        declared=True,
        agents=agents,
        title=row.title,
        drained=row.drained,
        checks=row.checks,
    )


def _agent_message(presence: bus_pb2.Presence, heard_us: int) -> region_pb2.Agent:
    return region_pb2.Agent(
        id=presence.agent,
        version=presence.version,
        start_time=presence.start_time,
        last_seen_time=timestamp(to_datetime(heard_us)),
        checks=presence.checks,
        lateness=presence.lateness,
        clock_offset=duration(presence.clock_offset_us),
        unpublished_results=presence.unpublished_results,
        dropped_results=presence.dropped_results,
        serving=presence.serving,
        self_check_reason=presence.self_check_reason,
        overload_reason=presence.overload_reason,
    )
