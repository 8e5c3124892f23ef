"""IncidentService: confirmed outages."""

import grpc

from api import names, page_tokens
from api.database import Database
from api.incidents import read_events, read_incident, read_incidents, require_subject
from api.services.messages import incident_message
from quivive.domain.times import to_datetime, to_us
from quivive.v1 import incident_pb2, incident_pb2_grpc


class IncidentService(incident_pb2_grpc.IncidentServiceServicer):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetIncident(
        self,
        request: incident_pb2.GetIncidentRequest,
        context: grpc.aio.ServicerContext[incident_pb2.GetIncidentRequest, incident_pb2.Incident],
    ) -> incident_pb2.Incident:
        row = await read_incident(self._database, names.incident_id(request.name))
        return incident_message(row, await read_events(self._database, row.incident_id))

    async def ListIncidents(
        self,
        request: incident_pb2.ListIncidentsRequest,
        context: grpc.aio.ServicerContext[incident_pb2.ListIncidentsRequest, incident_pb2.ListIncidentsResponse],
    ) -> incident_pb2.ListIncidentsResponse:
        subject = names.subject(request.subject) if request.subject else None
        size = page_tokens.page_size(request.page_size)
        listing = ("incidents", request.subject, int(request.open_only))
        key = page_tokens.decode(request.page_token, listing, (int, str))
        if subject is not None:
            await require_subject(self._database, subject)
        found = await read_incidents(
            self._database,
            subject=subject,
            open_only=request.open_only,
            after=(to_datetime(int(key[0])), str(key[1])) if key else None,
            limit=size + 1,
        )
        more, rows = len(found) > size, found[:size]
        last = (to_us(rows[-1].start_time), rows[-1].incident_id) if more else ()
        return incident_pb2.ListIncidentsResponse(
            incidents=[incident_message(row) for row in rows],
            next_page_token=page_tokens.encode(last, listing) if more else "",
        )
