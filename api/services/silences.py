"""SilenceService: pages that wait. A silence mutes pages and changes no figure."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from api import names, page_tokens
from api.apply import store
from api.apply.edit import creation_of, remember, repeated
from api.auth import audit
from api.auth.callers import caller
from api.corrections import LONGEST_REASON, sentence
from api.database import Database
from api.errors import NotFound, invalid_field
from api.incidents import require_subject
from api.instants import instant_of
from api.maintenance import SQL
from api.names import Subject
from api.page_tokens import Key
from api.services.messages import timestamp
from api.silences import SilenceRow, read_silences
from quivive.domain.times import to_datetime, to_us
from quivive.v1 import maintenance_pb2, maintenance_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

ALL = "customers/-"
"""Every site there is."""
LONGEST = timedelta(days=90)


class SilenceService(maintenance_pb2_grpc.SilenceServiceServicer):
    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    async def ListSilences(
        self, request: maintenance_pb2.ListSilencesRequest, context: Context
    ) -> maintenance_pb2.ListSilencesResponse:
        everything = request.subject == ALL
        subject = names.subject(request.subject) if request.subject and not everything else Subject()
        size = page_tokens.page_size(request.page_size)
        listing: Key = ("silences", request.subject, int(request.active_only))
        key = page_tokens.decode(request.page_token, listing, (int, str))
        found = await read_silences(
            self._database,
            site=subject.site,
            customer=subject.customer,
            everything=everything,
            active_only=request.active_only,
            after=(to_datetime(int(key[0])), str(key[1])) if key else None,
            limit=size + 1,
        )
        more, rows = len(found) > size, found[:size]
        last: Key = (to_us(rows[-1].create_time), rows[-1].silence_id) if more else ()
        return maintenance_pb2.ListSilencesResponse(
            silences=[_message(row) for row in rows],
            next_page_token=page_tokens.encode(last, listing) if more else "",
        )

    async def CreateSilence(
        self, request: maintenance_pb2.CreateSilenceRequest, context: Context
    ) -> maintenance_pb2.Silence:
        creation = creation_of(request.request_id, "CreateSilence", request.SerializeToString(deterministic=True))
        row = await self._wanted(request.silence)
        async with self._database.transaction() as connection:
            await store.lock(connection)
            made = await repeated(connection, creation) if creation is not None else None
            if made is not None:
                audit.dry()
                row["id"] = made
            else:
                audit.about(f"silences/{row['id']}")
                await connection.execute(SQL["silence"], row)
                if creation is not None:
                    await remember(connection, creation, row["id"])
        return _message((await read_silences(self._database, silence=row["id"], limit=1))[0])

    async def DeleteSilence(self, request: maintenance_pb2.DeleteSilenceRequest, context: Context) -> Empty:
        silence = names.silence_id(request.name)
        async with self._database.transaction() as connection:
            if not (await connection.execute(SQL["unsilence"], {"id": silence})).rowcount:
                raise NotFound("SILENCE_NOT_FOUND", f"there is no silence {silence}", metadata={"silence": silence})
        return Empty()

    async def _wanted(self, silence: maintenance_pb2.Silence) -> dict[str, Any]:
        now = self._clock()
        start = instant_of(silence.start_time, "silence.start_time") if silence.HasField("start_time") else now
        if not silence.HasField("end_time"):
            raise invalid_field("silence.end_time", "REQUIRED", "must say when pages may go out again")
        end = instant_of(silence.end_time, "silence.end_time")
        if not start < end or end <= now:
            raise invalid_field("silence.end_time", "BAD_WINDOW", "must be later than the start, and than now")
        if end - start > LONGEST:
            raise invalid_field("silence.end_time", "BAD_WINDOW", f"is more than {LONGEST.days} days after the start")
        subject = Subject()
        if silence.subject != ALL:
            subject = names.subject(silence.subject, "silence.subject")
            await require_subject(self._database, subject)
        return {
            "id": "s-" + secrets.token_hex(6),
            "sites": [subject.site] if subject.site else [],
            "customers": [subject.customer] if subject.customer else [],
            "start": start,
            "end": end,
            "reason": sentence(silence.reason, "silence.reason", LONGEST_REASON),
            "author": caller().person,
        }


def _message(row: SilenceRow) -> maintenance_pb2.Silence:
    subjects = [*(f"sites/{site}" for site in row.site_ids), *(f"customers/{id_}" for id_ in row.customer_ids)]
    return maintenance_pb2.Silence(
        name=f"silences/{row.silence_id}",
        subject=subjects[0] if len(subjects) == 1 else ", ".join(subjects) or ALL,
        start_time=timestamp(row.start_time),
        end_time=timestamp(row.end_time),
        person=row.author,
        reason=row.reason,
        create_time=timestamp(row.create_time),
        delete_time=timestamp(row.delete_time),
    )
