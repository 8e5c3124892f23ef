"""IncidentService: confirmed outages."""

from datetime import UTC, datetime

import grpc

from api import corrections, names, page_tokens
from api.database import Database
from api.explain.read import read_facts
from api.explain.reasons import explain
from api.incidents import read_counted, read_events, read_evidence, read_incident, read_incidents, require_subject
from api.services.explanations import evidence_message, explanation_message, vote_messages
from api.services.messages import correction_message, incident_message
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
        return await self._incident(names.incident_id(request.name))

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

    async def CorrectIncident(
        self,
        request: incident_pb2.CorrectIncidentRequest,
        context: grpc.aio.ServicerContext[incident_pb2.CorrectIncidentRequest, incident_pb2.Incident],
    ) -> incident_pb2.Incident:
        incident = names.incident_id(request.name)
        await corrections.record(self._database, incident, corrections.requested(request))
        return await self._incident(incident)

    async def ExplainVerdict(
        self,
        request: incident_pb2.ExplainVerdictRequest,
        context: grpc.aio.ServicerContext[incident_pb2.ExplainVerdictRequest, incident_pb2.Explanation],
    ) -> incident_pb2.Explanation:
        site, check = names.check_name(request.name)
        time = to_datetime(request.time.ToMicroseconds()) if request.HasField("time") else datetime.now(UTC)
        facts = await read_facts(self._database, site, check, time)
        return explanation_message(facts, explain(facts))

    async def _incident(self, incident: str) -> incident_pb2.Incident:
        """With everything that is known of it."""
        row = await read_incident(self._database, incident)
        message = incident_message(row, await read_events(self._database, incident))
        message.evidence.extend(map(evidence_message, await read_evidence(self._database, incident)))
        message.votes.extend(vote_messages(await read_counted(self._database, incident)))
        for correction in await corrections.read_corrections(self._database, incident):
            message.corrections.append(correction_message(correction))
        return message
