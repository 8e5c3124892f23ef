"""IncidentService: confirmed outages, and what persons add to them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import grpc

from api import corrections, names, page_tokens
from api.acknowledgements import acknowledge, comment
from api.auth import scope
from api.auth.callers import caller
from api.database import Database
from api.errors import invalid_field
from api.explain.read import read_facts
from api.explain.reasons import explain
from api.filters import Term, parse_filter, require_values, skipped
from api.incidents import (
    Wanted,
    read_counted,
    read_events,
    read_evidence,
    read_incident,
    read_incidents,
    require_subject,
)
from api.instants import instant_of
from api.page_tokens import Key
from api.services.explanations import evidence_message, explanation_message, vote_messages
from api.services.messages import correction_message, incident_message
from api.services.watch_incidents import IncidentWatch
from api.streams.feed import Feed
from quivive.domain.times import to_datetime, to_us
from quivive.domain.words import Cause, Responsibility
from quivive.v1 import incident_pb2, incident_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

FILTERS = ("site", "customer", "state", "cause", "responsibility", "group", "acknowledged", "tag")


class IncidentService(incident_pb2_grpc.IncidentServiceServicer):
    def __init__(self, database: Database, feed: Feed) -> None:
        self._database = database
        self._watch = IncidentWatch(database, feed)

    async def GetIncident(self, request: incident_pb2.GetIncidentRequest, context: Context) -> incident_pb2.Incident:
        return await self._incident(names.incident_id(request.name))

    async def ListIncidents(
        self, request: incident_pb2.ListIncidentsRequest, context: Context
    ) -> incident_pb2.ListIncidentsResponse:
        subject = names.subject(request.subject) if request.subject else None
        size, skip = page_tokens.page_size(request.page_size), skipped(request.skip)
        wanted = wanted_of(request)
        listing: Key = ("incidents", request.subject, int(request.open_only), request.filter, skip)
        listing += (request.start_time.SerializeToString().hex(), request.end_time.SerializeToString().hex())
        key = page_tokens.decode(request.page_token, listing, (int, str))
        if subject is not None:
            await require_subject(self._database, subject, scope.owner())
        found = await read_incidents(
            self._database,
            subject=subject,
            open_only=request.open_only,
            after=(to_datetime(int(key[0])), str(key[1])) if key else None,
            limit=size + 1,
            owner=scope.owner(),
            wanted=wanted,
            skip=0 if key else skip,
        )
        more, rows = len(found) > size, found[:size]
        last = (to_us(rows[-1].start_time), rows[-1].incident_id) if more else ()
        return incident_pb2.ListIncidentsResponse(
            incidents=[incident_message(row, whole=scope.whole()) for row in rows],
            next_page_token=page_tokens.encode(last, listing) if more else "",
        )

    async def CorrectIncident(
        self, request: incident_pb2.CorrectIncidentRequest, context: Context
    ) -> incident_pb2.Incident:
        incident = names.incident_id(request.name)
        await corrections.record(self._database, incident, corrections.requested(request))
        return await self._incident(incident)

    async def ExplainVerdict(
        self, request: incident_pb2.ExplainVerdictRequest, context: Context
    ) -> incident_pb2.Explanation:
        site, check = names.check_name(request.name)
        time = instant_of(request.time, "time") if request.HasField("time") else datetime.now(UTC)
        facts = await read_facts(self._database, site, check, time)
        return explanation_message(facts, explain(facts))

    async def AcknowledgeIncident(
        self, request: incident_pb2.AcknowledgeIncidentRequest, context: Context
    ) -> incident_pb2.Incident:
        incident, person = names.incident_id(request.name), request.person or caller().person
        if request.comment:
            corrections.sentence(request.comment, "comment", 2000)
        done = await acknowledge(self._database, incident, person, "api")
        if done and request.comment:
            await comment(self._database, incident, person, request.comment)
        return await self._incident(incident)

    async def CommentIncident(
        self, request: incident_pb2.CommentIncidentRequest, context: Context
    ) -> incident_pb2.Incident:
        incident, person = names.incident_id(request.name), request.person or caller().person
        await comment(
            self._database, incident, person, request.text, public=request.public, request_id=request.request_id
        )
        return await self._incident(incident)

    async def WatchIncidents(  # type: ignore[override]  # what is the same for many is serialised once
        self, request: incident_pb2.WatchIncidentsRequest, context: Context
    ) -> AsyncIterator[incident_pb2.WatchIncidentsResponse | bytes]:
        async for message in self._watch.messages(request):
            yield message

    async def _incident(self, incident: str) -> incident_pb2.Incident:
        """With everything that is known of it, and that the caller may know."""
        row, whole = await read_incident(self._database, incident, scope.owner()), scope.whole()
        message = incident_message(row, await read_events(self._database, incident), whole=whole)
        message.evidence.extend(map(evidence_message, await read_evidence(self._database, incident)))
        message.votes.extend(vote_messages(await read_counted(self._database, incident)))
        for correction in await corrections.read_corrections(self._database, incident):
            message.corrections.append(correction_message(correction))
        return message


def wanted_of(request: incident_pb2.ListIncidentsRequest) -> Wanted:
    """What the filter and the window of a request choose. InvalidArgument for what nothing can be chosen by."""
    terms = parse_filter(request.filter, FILTERS)
    require_values(terms, "state", ("OPEN", "RESOLVED"))
    require_values(terms, "acknowledged", ("true", "false"))
    require_values(terms, "cause", tuple(cause.name for cause in Cause))
    require_values(terms, "responsibility", tuple(responsibility.name for responsibility in Responsibility))
    if any(term.operator == ":" or (term.field == "group" and term.operator == "!=") for term in terms):
        raise invalid_field("filter", "BAD_FILTER", "fields of incidents take = and !=, group only =")
    return Wanted(
        sites=_ids(terms, "site", "sites/"),
        sites_not=_ids(terms, "site", "sites/", "!=") or (),
        customers=_ids(terms, "customer", "customers/"),
        customers_not=_ids(terms, "customer", "customers/", "!=") or (),
        causes=_numbers(terms, "cause", Cause),
        causes_not=_numbers(terms, "cause", Cause, "!=") or (),
        responsibilities=_numbers(terms, "responsibility", Responsibility),
        responsibilities_not=_numbers(terms, "responsibility", Responsibility, "!=") or (),
        groups=_ids(terms, "group", ""),
        open=_truth(terms, "state", "OPEN"),
        acknowledged=_truth(terms, "acknowledged", "true"),
        tags=_ids(terms, "tag", "") or (),
        tags_not=_ids(terms, "tag", "", "!=") or (),
        start=instant_of(request.start_time, "start_time") if request.HasField("start_time") else None,
        end=instant_of(request.end_time, "end_time") if request.HasField("end_time") else None,
    )


def _ids(terms: list[Term], field: str, prefix: str, operator: str = "=") -> list[str] | None:
    """The values that a field must, or must not, have; None where nothing is said. Two that must both be: none is."""
    values = {term.value.removeprefix(prefix) for term in terms if (term.field, term.operator) == (field, operator)}
    if not values:
        return None
    return sorted(values) if operator == "!=" or field == "tag" or len(values) == 1 else []


def _numbers(terms: list[Term], field: str, words: Any, operator: str = "=") -> list[int] | None:
    values = _ids(terms, field, "", operator)
    return None if values is None else [words[value].value for value in values]


def _truth(terms: list[Term], field: str, yes: str) -> bool | None:
    said = {(term.value == yes) == (term.operator == "=") for term in terms if term.field == field}
    if len(said) > 1:
        raise invalid_field("filter", "BAD_FILTER", f"{field} cannot be both")
    return said.pop() if said else None
