"""RegionService: the regions, their agents and what they can see."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

import grpc

from api.database import Database
from api.presences import Presences
from api.regions import RegionRow, read_regions
from api.services.messages import timestamp
from quivive.domain.times import to_datetime, to_us
from quivive.v1 import bus_pb2, region_pb2, region_pb2_grpc


class RegionService(region_pb2_grpc.RegionServiceServicer):
    def __init__(self, database: Database, presences: Presences, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._presences = presences
        self._clock = clock

    async def ListRegions(
        self,
        request: region_pb2.ListRegionsRequest,
        context: grpc.aio.ServicerContext[region_pb2.ListRegionsRequest, region_pb2.ListRegionsResponse],
    ) -> region_pb2.ListRegionsResponse:
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
        return region_pb2.ListRegionsResponse(regions=sorted(messages, key=lambda region: region.name))


def _region_message(row: RegionRow, agents: list[region_pb2.Agent], simulated: bool) -> region_pb2.Region:
    return region_pb2.Region(
        name=f"regions/{row.name}",
        simulated=row.simulated or simulated,
        blind=row.blind_time is not None,
        blind_reason=row.blind_reason or "",
        blind_time=timestamp(row.blind_time),
        declared=True,
        agents=agents,
    )


def _agent_message(presence: bus_pb2.Presence, heard_us: int) -> region_pb2.Agent:
    return region_pb2.Agent(
        id=presence.agent,
        version=presence.version,
        start_time=presence.start_time,
        last_seen_time=timestamp(to_datetime(heard_us)),
        checks=presence.checks,
        lateness=presence.lateness,
    )
