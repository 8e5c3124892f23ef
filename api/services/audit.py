"""AuditService: who changed what."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import grpc

from api import page_tokens
from api.auth.audit import SQL
from api.database import Database
from api.errors import invalid_field
from api.instants import instant_of
from api.page_tokens import Key
from api.services.messages import timestamp
from quivive.v1 import audit_pb2, audit_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class EntryRow:
    entry_id: int
    time: datetime
    person: str
    token_id: str
    method: str
    resource: str
    request: str
    peer: str


class AuditService(audit_pb2_grpc.AuditServiceServicer):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def ListAuditEntries(
        self, request: audit_pb2.ListAuditEntriesRequest, context: Context
    ) -> audit_pb2.ListAuditEntriesResponse:
        for field in ("resource", "person"):
            if "\0" in getattr(request, field):
                raise invalid_field(field, "BAD_CHARACTER", "has a control character")
        size = page_tokens.page_size(request.page_size)
        listing: Key = ("audit", request.resource, request.person)
        listing += (request.start_time.SerializeToString().hex(), request.end_time.SerializeToString().hex())
        key = page_tokens.decode(request.page_token, listing, (int,))
        found = await self._database.fetch(
            EntryRow,
            SQL["entries"],
            before=key[0] if key else None,
            resource=request.resource or None,
            person=request.person or None,
            start=instant_of(request.start_time, "start_time") if request.HasField("start_time") else None,
            end=instant_of(request.end_time, "end_time") if request.HasField("end_time") else None,
            limit=size + 1,
        )
        more, rows = len(found) > size, found[:size]
        return audit_pb2.ListAuditEntriesResponse(
            entries=[_message(row) for row in rows],
            next_page_token=page_tokens.encode((rows[-1].entry_id,), listing) if more else "",
        )


def _message(row: EntryRow) -> audit_pb2.AuditEntry:
    return audit_pb2.AuditEntry(
        name=f"auditEntries/{row.entry_id}",
        time=timestamp(row.time),
        person=row.person,
        token=f"tokens/{row.token_id}" if row.token_id else "",
        method=row.method,
        resource=row.resource,
        request=row.request,
        peer=row.peer,
    )
