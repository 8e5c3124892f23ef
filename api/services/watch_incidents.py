"""WatchIncidents: the open incidents as they are, then whatever happens in any."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from api import names
from api.auth import scope
from api.database import Database
from api.incidents import IncidentRow, Wanted, read_incidents, require_subject
from api.names import Subject
from api.services.messages import PUBLIC_EVENTS, incident_message, public_detail, timestamp
from api.streams.feed import Batch, Change, Feed, Step
from api.streams.snapshots import Place, decode, encode
from quivive.v1 import incident_pb2, site_pb2

TOPIC = "incident"
PIECE = 200
"""Changes in a message."""
MOST_OPEN = 100_000

Message = incident_pb2.WatchIncidentsResponse | bytes


class IncidentWatch:
    """What any number of watchers are told; what is the same for several is made once."""

    def __init__(self, database: Database, feed: Feed) -> None:
        self._database, self._feed = database, feed

    async def messages(self, request: incident_pb2.WatchIncidentsRequest) -> AsyncIterator[Message]:
        """For as long as somebody listens."""
        subject = names.subject(request.subject) if request.subject else None
        owner, whole = scope.owner(), scope.whole()
        if subject is not None:
            await require_subject(self._database, subject, owner)
        place = decode(request.resume_token, TOPIC) if request.resume_token else None
        if place is None and not request.skip_snapshot:
            async with self._database.consistent():
                place = Place(await self._feed.now())
                rows = await read_incidents(
                    self._database, subject=subject, open_only=True, limit=MOST_OPEN, owner=owner
                )
            for row in rows:
                yield incident_pb2.WatchIncidentsResponse(incident=incident_message(row, whole=whole))
            end = site_pb2.SnapshotEnd(size=len(rows))
            yield incident_pb2.WatchIncidentsResponse(snapshot_end=end, resume_token=encode(place, TOPIC))
        async for step in self._feed.watch(place):
            for told in await self._told(step, subject, owner, whole=whole):
                yield told

    async def _told(self, step: Step, subject: Subject | None, owner: str | None, *, whole: bool) -> Sequence[Message]:
        changes = [change for change in step.batch.changes if change.topic == TOPIC]
        if not changes:
            if step.batch.changes:
                return ()
            now = Timestamp()
            now.GetCurrentTime()
            alive = site_pb2.KeepAlive(time=now)
            return [incident_pb2.WatchIncidentsResponse(keep_alive=alive, resume_token=encode(step.after, TOPIC))]
        everything = whole and subject is None
        shared = ("incident messages", str(step.seen), str(step.after))
        if everything and shared in step.batch.told:
            return step.batch.told[shared]  # type: ignore[no-any-return]
        told: list[Message] = []
        for start in range(0, len(changes), PIECE):
            piece = changes[start : start + PIECE]
            current = await self._current(step.batch, piece)
            shown = [
                _message(change, row, whole=whole)
                for change in piece
                if (row := current.get(change.incident_id or "")) is not None
                and _chosen(row, subject, owner)
                and (whole or change.kind in PUBLIC_EVENTS)
            ]
            if shown:
                place = step.place_at(piece[-1]) if start + PIECE < len(changes) else step.after
                message = incident_pb2.WatchIncidentsResponse(
                    changes=incident_pb2.IncidentChanges(changes=shown), resume_token=encode(place, TOPIC)
                )
                told.append(message.SerializeToString() if everything else message)
        if everything:
            step.batch.told[shared] = told
        return told

    async def _current(self, batch: Batch, piece: Sequence[Change]) -> Mapping[str, IncidentRow]:
        """The incidents of these changes as they are, read once for all watchers."""
        key = ("incidents", piece[0].change_id, piece[-1].change_id)
        reading: asyncio.Task[list[IncidentRow]] | None = batch.told.get(key)
        if reading is None:
            ids = sorted({change.incident_id for change in piece if change.incident_id})
            reading = batch.told[key] = asyncio.create_task(
                read_incidents(self._database, limit=len(ids), wanted=Wanted(ids=ids))
            )
        return {row.incident_id: row for row in await asyncio.shield(reading)}


def _chosen(row: IncidentRow, subject: Subject | None, owner: str | None) -> bool:
    if owner is not None and row.customer_id != owner:
        return False
    return subject is None or subject in (Subject(site=row.site_id), Subject(customer=row.customer_id))


def _message(change: Change, row: IncidentRow, *, whole: bool) -> incident_pb2.IncidentChange:
    return incident_pb2.IncidentChange(
        key=change.key,
        kind=change.kind,
        time=timestamp(change.time),
        incident=f"incidents/{row.incident_id}",
        detail=public_detail(change.kind, change.detail, whole=whole),
        current=incident_message(row, whole=whole),
    )
