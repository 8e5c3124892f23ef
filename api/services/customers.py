"""CustomerService: the agency's customers."""

from collections.abc import Sequence
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from api import names, page_tokens
from api.apply.edit import Editor, creation_of, data_of, etag_of
from api.auth import scope
from api.customers import CustomerRow, read_customer, read_customers
from api.database import Database
from api.filters import holds, parse_filter, skipped
from api.page_tokens import Key
from api.services.declared import changed, declared, fill
from quivive.v1 import customer_pb2, customer_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

FILTERS = ("name", "title", "plan", "locale")


class CustomerService(customer_pb2_grpc.CustomerServiceServicer):
    def __init__(self, database: Database, editor: Editor) -> None:
        self._database, self._editor = database, editor

    async def GetCustomer(self, request: customer_pb2.GetCustomerRequest, context: Context) -> customer_pb2.Customer:
        customer = names.customer_id(request.name, "name")
        scope.customer_asked_for(customer)
        return await self._customer(customer)

    async def ListCustomers(
        self, request: customer_pb2.ListCustomersRequest, context: Context
    ) -> customer_pb2.ListCustomersResponse:
        size, skip = page_tokens.page_size(request.page_size), skipped(request.skip)
        terms = parse_filter(request.filter, FILTERS)
        listing: Key = ("customers", request.filter, skip)
        key = page_tokens.decode(request.page_token, listing, (str,))
        after = str(key[0]) if key else ""
        found = [
            row
            for row in await read_customers(self._database, customer=scope.owner(), after=after)
            if holds(terms, _values(row))
        ]
        found = found[0 if key else skip :]
        page = found[:size]
        return customer_pb2.ListCustomersResponse(
            customers=[_message(row) for row in page],
            next_page_token=page_tokens.encode((page[-1].declared.id,), listing) if len(found) > size else "",
        )

    async def CreateCustomer(
        self, request: customer_pb2.CreateCustomerRequest, context: Context
    ) -> customer_pb2.Customer:
        creation = creation_of(request.request_id, "CreateCustomer", request.SerializeToString(deterministic=True))
        id_ = names.new_id(request.customer_id, "customer_id")
        data = declared(request.customer, "customer")
        made = await self._editor.create("customers", id_, data, creation, validate_only=request.validate_only)
        if request.validate_only:
            return customer_pb2.Customer(name=f"customers/{id_}", title=request.customer.title)
        return await self._customer(made)

    async def UpdateCustomer(
        self, request: customer_pb2.UpdateCustomerRequest, context: Context
    ) -> customer_pb2.Customer:
        customer = names.customer_id(request.customer.name, "customer.name")
        mask = request.update_mask if request.HasField("update_mask") else None
        await self._editor.update(
            "customers",
            customer,
            lambda before: changed(before, request.customer, mask, "customer"),
            request.customer.etag,
            validate_only=request.validate_only,
        )
        return await self._customer(customer)

    async def DeleteCustomer(self, request: customer_pb2.DeleteCustomerRequest, context: Context) -> Empty:
        customer = names.customer_id(request.name, "name")
        await self._editor.delete(
            "customers", customer, request.etag, allow_missing=request.allow_missing, force=request.force
        )
        return Empty()

    async def _customer(self, customer: str) -> customer_pb2.Customer:
        return _message(await read_customer(self._database, customer))


def _values(row: CustomerRow) -> dict[str, Sequence[str]]:
    customer = row.declared
    return {
        "name": (f"customers/{customer.id}", customer.id),
        "title": (customer.name,),
        "plan": (f"plans/{customer.plan}", customer.plan),
        "locale": (customer.locale,),
    }


def _message(row: CustomerRow) -> customer_pb2.Customer:
    customer, data = row.declared, data_of(row.declared)
    message = customer_pb2.Customer()
    fill(message, data)
    message.name = f"customers/{customer.id}"
    message.locale, message.timezone = customer.locale, customer.timezone
    message.site_count = row.sites
    message.create_time.FromDatetime(row.create_time)
    if scope.whole():
        message.etag = etag_of(data)
    else:
        message.ClearField("more")
    return message
