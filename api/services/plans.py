"""PlanService: what the agency sells, in versions."""

from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from api import names, page_tokens
from api.apply.edit import Editor, creation_of, data_of, etag_of
from api.auth import scope
from api.customers import PlanRow, read_plans, read_versions
from api.database import Database
from api.errors import NotFound
from api.page_tokens import Key
from api.services.declared import changed, declared, fill
from quivive.v1 import plan_pb2, plan_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class PlanService(plan_pb2_grpc.PlanServiceServicer):
    def __init__(self, database: Database, editor: Editor) -> None:
        self._database, self._editor = database, editor

    async def GetPlan(self, request: plan_pb2.GetPlanRequest, context: Context) -> plan_pb2.Plan:
        plan = names.plan_id(request.name)
        if request.version and scope.whole():
            for row in await read_versions(self._database, plan):
                if row.version == request.version:
                    return _message(row)
            raise NotFound(
                "PLAN_NOT_FOUND", f"there is no version {request.version} of plan {plan}", metadata={"plan": plan}
            )
        return await self._plan(plan)

    async def ListPlans(self, request: plan_pb2.ListPlansRequest, context: Context) -> plan_pb2.ListPlansResponse:
        size = page_tokens.page_size(request.page_size)
        listing: Key = ("plans",)
        key = page_tokens.decode(request.page_token, listing, (str,))
        after = str(key[0]) if key else ""
        rows = [row for row in await read_plans(self._database, of_customer=scope.owner()) if row.declared.id > after]
        page = rows[:size]
        return plan_pb2.ListPlansResponse(
            plans=[_message(row) for row in page],
            next_page_token=page_tokens.encode((page[-1].declared.id,), listing) if len(rows) > size else "",
        )

    async def ListPlanVersions(
        self, request: plan_pb2.ListPlanVersionsRequest, context: Context
    ) -> plan_pb2.ListPlanVersionsResponse:
        size = page_tokens.page_size(request.page_size)
        listing: Key = ("plan versions", request.name)
        key = page_tokens.decode(request.page_token, listing, (int,))
        rows = await read_versions(self._database, names.plan_id(request.name))
        rows = [row for row in rows if key is None or row.version < int(key[0])]
        page = rows[:size]
        return plan_pb2.ListPlanVersionsResponse(
            plans=[_message(row) for row in page],
            next_page_token=page_tokens.encode((page[-1].version,), listing) if len(rows) > size else "",
        )

    async def CreatePlan(self, request: plan_pb2.CreatePlanRequest, context: Context) -> plan_pb2.Plan:
        creation = creation_of(request.request_id, "CreatePlan", request.SerializeToString(deterministic=True))
        id_ = names.new_id(request.plan_id, "plan_id")
        data = declared(request.plan, "plan")
        made = await self._editor.create("plans", id_, data, creation, validate_only=request.validate_only)
        if request.validate_only:
            return plan_pb2.Plan(name=f"plans/{id_}", title=request.plan.title)
        return await self._plan(made)

    async def UpdatePlan(self, request: plan_pb2.UpdatePlanRequest, context: Context) -> plan_pb2.Plan:
        plan = names.plan_id(request.plan.name, "plan.name")
        mask = request.update_mask if request.HasField("update_mask") else None
        await self._editor.update(
            "plans",
            plan,
            lambda before: changed(before, request.plan, mask, "plan"),
            request.plan.etag,
            validate_only=request.validate_only,
        )
        return await self._plan(plan)

    async def DeletePlan(self, request: plan_pb2.DeletePlanRequest, context: Context) -> Empty:
        await self._editor.delete(
            "plans", names.plan_id(request.name), request.etag, allow_missing=request.allow_missing
        )
        return Empty()

    async def _plan(self, plan: str) -> plan_pb2.Plan:
        for row in await read_plans(self._database, of_customer=scope.owner()):
            if row.declared.id == plan:
                return _message(row)
        raise NotFound("PLAN_NOT_FOUND", f"there is no plan {plan}", metadata={"plan": plan})


def _message(row: PlanRow) -> plan_pb2.Plan:
    data = data_of(row.declared)
    message = plan_pb2.Plan()
    fill(message, row.declared.model_dump(mode="json", exclude_none=True))
    message.name = f"plans/{row.declared.id}"
    message.version = row.version
    message.create_time.FromDatetime(row.create_time)
    if scope.whole():
        message.etag = etag_of(data)
    else:
        message.ClearField("more")
    return message
