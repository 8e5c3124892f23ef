"""MaintenanceService: announced work on sites. It is declared with the site: what a call adds is read back by `quivive get`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from api import names, page_tokens
from api.apply.edit import Data, Editor, creation_of
from api.auth import audit, scope
from api.database import Database
from api.errors import AlreadyExists, NotFound, invalid_field
from api.incidents import require_subject
from api.maintenance import MaintenanceRow, next_occurrence, read_maintenance
from api.page_tokens import Key
from api.services.declared import declared
from api.services.messages import duration, timestamp
from quivive.configuration import ConfigurationError
from quivive.configuration.validate import validate
from quivive.domain.times import to_datetime
from quivive.v1 import maintenance_pb2, maintenance_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class MaintenanceService(maintenance_pb2_grpc.MaintenanceServiceServicer):
    def __init__(self, database: Database, editor: Editor, clock: Callable[[], datetime]) -> None:
        self._database, self._editor, self._clock = database, editor, clock

    async def GetMaintenance(
        self, request: maintenance_pb2.GetMaintenanceRequest, context: Context
    ) -> maintenance_pb2.Maintenance:
        return self._message(await self._row(*names.maintenance_id(request.name)))

    async def ListMaintenance(
        self, request: maintenance_pb2.ListMaintenanceRequest, context: Context
    ) -> maintenance_pb2.ListMaintenanceResponse:
        subject = names.subject(request.parent, "parent") if request.parent else None
        size = page_tokens.page_size(request.page_size)
        listing: Key = ("maintenance", request.parent)
        key = page_tokens.decode(request.page_token, listing, (str, int))
        if subject is not None:
            await require_subject(self._database, subject, scope.owner())
        found = await read_maintenance(
            self._database,
            site=subject.site if subject else None,
            customer=subject.customer if subject else None,
            owner=scope.owner(),
            after=(str(key[0]), int(key[1])) if key else None,
            limit=size + 1,
        )
        more, rows = len(found) > size, found[:size]
        last: Key = (rows[-1].site_id, rows[-1].maintenance_id) if more else ()
        return maintenance_pb2.ListMaintenanceResponse(
            maintenance=[self._message(row) for row in rows],
            next_page_token=page_tokens.encode(last, listing) if more else "",
        )

    async def CreateMaintenance(
        self, request: maintenance_pb2.CreateMaintenanceRequest, context: Context
    ) -> maintenance_pb2.Maintenance:
        site = names.site_id(request.parent, "parent")
        creation = creation_of(request.request_id, "CreateMaintenance", request.SerializeToString(deterministic=True))
        window = normal(declared(request.window, "window"))
        known = {row.maintenance_id for row in await read_maintenance(self._database, site=site)}

        def add(before: Data) -> Data:
            present = list(before.get("maintenance", ()))
            if window in present:
                if creation is not None:  # the same request, most likely: it is declared, which is what was asked for
                    return before
                raise AlreadyExists("ALREADY_EXISTS", "this very window is declared already", metadata={"site": site})
            return {**before, "maintenance": [*present, window]}

        await self._editor.update("sites", site, add)
        rows = await read_maintenance(self._database, site=site)
        new = [row for row in rows if row.maintenance_id not in known] or [row for row in rows if _is(row, window)]
        return self._message(new[-1])

    async def DeleteMaintenance(self, request: maintenance_pb2.DeleteMaintenanceRequest, context: Context) -> Empty:
        site, number = names.maintenance_id(request.name)
        row = await self._row(site, number)
        audit.about(request.name)

        def remove(before: Data) -> Data:
            kept = [window for window in before.get("maintenance", ()) if not _is(row, window)]
            return {**before, "maintenance": kept}

        await self._editor.update("sites", site, remove)
        return Empty()

    async def _row(self, site: str, number: int) -> MaintenanceRow:
        found = await read_maintenance(self._database, site=site, number=number, owner=scope.owner())
        if not found:
            name = f"sites/{site}/maintenance/{number}"
            raise NotFound("MAINTENANCE_NOT_FOUND", f"there is no {name}", metadata={"name": name})
        return found[0]

    def _message(self, row: MaintenanceRow) -> maintenance_pb2.Maintenance:
        coming = next_occurrence(row, self._clock())
        window = maintenance_pb2.MaintenanceWindow(
            cron=row.cron or "",
            start_time=timestamp(row.start_time),
            ical=row.ical or "",
            duration=None if row.duration_us is None else duration(row.duration_us),
        )
        return maintenance_pb2.Maintenance(
            name=f"sites/{row.site_id}/maintenance/{row.maintenance_id}",
            site=f"sites/{row.site_id}",
            window=window,
            create_time=timestamp(row.create_time),
            next_start_time=timestamp(to_datetime(coming.start_us)) if coming else None,
            next_end_time=timestamp(to_datetime(coming.end_us)) if coming else None,
        )


def normal(window: Data) -> Data:
    """The window as it is kept. InvalidArgument with what is wrong with it."""
    site = {"id": "x", "customer": "x", "url": "https://x.example/", "maintenance": [window]}
    try:
        (found,) = validate({"sites": [site]}).sites[0].maintenance
    except ConfigurationError as error:
        problem = error.problems[0]
        field = ".".join(str(step) for step in problem.path[4:]).replace("start", "start_time")
        raise invalid_field(f"window.{field}".rstrip("."), "BAD_WINDOW", problem.message) from None
    return found.model_dump(mode="json", exclude_defaults=True)


def _is(row: MaintenanceRow, window: Data) -> bool:
    """Whether the declaration is the one that the row keeps."""
    (found,) = (
        validate({"sites": [{"id": "x", "customer": "x", "url": "https://x.example/", "maintenance": [window]}]})
        .sites[0]
        .maintenance
    )
    length = None if found.duration is None else int(found.duration.total_seconds() * 1_000_000)
    return (found.cron, found.start, found.ical, length) == (row.cron, row.start_time, row.ical, row.duration_us)
