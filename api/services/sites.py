"""SiteService: the watched sites, how they stand, and changes of what is declared of them."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from api import names, page_tokens
from api.apply.edit import Editor, creation_of
from api.auth import audit, scope
from api.bus_link import BusLink
from api.database import Database
from api.errors import invalid_field
from api.filters import (
    holds,
    parse_filter,
    parse_order,
    position_after,
    require_values,
    skipped,
    sorted_by,
)
from api.heartbeats.addresses import Addresses
from api.page_tokens import Key
from api.services.check_now import CheckNow
from api.services.declared import changed, declared
from api.services.messages import site_message
from api.services.watch_sites import SiteWatch
from api.sites import FoundSite, find_sites, read_chosen, read_site, read_sites, require_customer
from api.streams.feed import Feed
from quivive.domain.times import to_us
from quivive.domain.words import State
from quivive.v1 import site_pb2, site_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

FILTERS = ("name", "customer", "tag", "url", "preset", "state", "paused")
STATES = tuple(state.name for state in State if state.value)
ORDERS = ("name", "customer", "url", "state", "state_time", "create_time")
_NUMBERS = ("state", "state_time", "create_time")


class SiteService(site_pb2_grpc.SiteServiceServicer):
    def __init__(
        self,
        database: Database,
        addresses: Addresses | None,
        editor: Editor,
        feed: Feed,
        link: BusLink,
        shards: int,
    ) -> None:
        self._database = database
        self._addresses = addresses
        self._editor = editor
        self._watch = SiteWatch(database, addresses, feed)
        self._check_now = CheckNow(database, link, shards)

    async def GetSite(self, request: site_pb2.GetSiteRequest, context: Context) -> site_pb2.Site:
        return await self._site(names.site_id(request.name))

    async def ListSites(self, request: site_pb2.ListSitesRequest, context: Context) -> site_pb2.ListSitesResponse:
        asked = names.customer_id(request.customer, "customer") if request.customer else None
        size = page_tokens.page_size(request.page_size)
        customer = scope.customer_asked_for(asked)
        plain = not (request.filter.strip() or request.order_by.strip() or request.skip)
        listing: Key = ("sites", request.customer, request.filter, request.order_by, request.skip)
        if asked is not None:
            await require_customer(self._database, asked)
        if not plain:
            return await self._found(request, customer, size, listing)
        key = page_tokens.decode(request.page_token, listing, (str,))
        # One more than wanted tells whether there is a next page.
        found = await read_sites(self._database, customer=customer, after=str(key[0]) if key else "", limit=size + 1)
        more, sites = len(found) > size, found[:size]
        return site_pb2.ListSitesResponse(
            sites=[site_message(site, self._addresses, whole=scope.whole()) for site in sites],
            next_page_token=page_tokens.encode((sites[-1].row.site_id,), listing) if more else "",
        )

    async def CreateSite(self, request: site_pb2.CreateSiteRequest, context: Context) -> site_pb2.Site:
        creation = creation_of(request.request_id, "CreateSite", request.SerializeToString(deterministic=True))
        data = declared(request.site, "site")
        id_ = names.new_id(request.site_id, "site_id") if request.site_id else names.id_from_url(request.site.url)
        made = await self._editor.create("sites", id_, data, creation, validate_only=request.validate_only)
        if request.validate_only:
            return site_pb2.Site(name=f"sites/{id_}", customer=request.site.customer, url=request.site.url)
        return await self._site(made)

    async def UpdateSite(self, request: site_pb2.UpdateSiteRequest, context: Context) -> site_pb2.Site:
        site = names.site_id(request.site.name, "site.name")
        mask = request.update_mask if request.HasField("update_mask") else None
        await self._editor.update(
            "sites",
            site,
            lambda before: changed(before, request.site, mask, "site"),
            request.site.etag,
            validate_only=request.validate_only,
        )
        return await self._site(site)

    async def DeleteSite(self, request: site_pb2.DeleteSiteRequest, context: Context) -> Empty:
        await self._editor.delete(
            "sites", names.site_id(request.name), request.etag, allow_missing=request.allow_missing
        )
        return Empty()

    async def PauseSite(self, request: site_pb2.PauseSiteRequest, context: Context) -> site_pb2.Site:
        site = names.site_id(request.name)
        await self._editor.update("sites", site, lambda before: {**before, "paused": True}, request.etag)
        return await self._site(site)

    async def ResumeSite(self, request: site_pb2.ResumeSiteRequest, context: Context) -> site_pb2.Site:
        site = names.site_id(request.name)
        await self._editor.update("sites", site, lambda before: {**before, "paused": False}, request.etag)
        return await self._site(site)

    async def CheckNow(self, request: site_pb2.CheckNowRequest, context: Context) -> site_pb2.CheckNowResponse:
        site, check = names.check_name(request.name)
        audit.about(request.name)
        return await self._check_now.ask(site, check, request)

    async def WatchSites(  # type: ignore[override]  # what is the same for many is serialised once
        self, request: site_pb2.WatchSitesRequest, context: Context
    ) -> AsyncIterator[site_pb2.WatchSitesResponse | bytes]:
        async for message in self._watch.messages(request):
            yield message

    async def _site(self, site: str) -> site_pb2.Site:
        found = await read_site(self._database, site, scope.owner())
        return site_message(found, self._addresses, whole=scope.whole())

    async def _found(
        self, request: site_pb2.ListSitesRequest, customer: str | None, size: int, listing: Key
    ) -> site_pb2.ListSitesResponse:
        terms, skip = parse_filter(request.filter, FILTERS), skipped(request.skip)
        require_values(terms, "state", STATES)
        require_values(terms, "paused", ("true", "false"))
        orders = parse_order(request.order_by, ORDERS)
        shape = tuple(int if order.field in _NUMBERS else str for order in orders)
        last = page_tokens.decode(request.page_token, listing, (*shape, str))

        def key(site: FoundSite) -> Sequence[str | int]:
            return (*(_sort_value(site, order.field) for order in orders), site.site_id)

        found = [site for site in await find_sites(self._database, customer) if holds(terms, found_values(site))]
        found = sorted_by(found, key, orders)
        start = position_after([key(site) for site in found], orders, last) if last is not None else skip
        page = found[start : start + size]
        sites = await read_chosen(self._database, [site.site_id for site in page])
        return site_pb2.ListSitesResponse(
            sites=[site_message(site, self._addresses, whole=scope.whole()) for site in sites],
            next_page_token=page_tokens.encode(tuple(key(page[-1])), listing) if len(found) > start + size else "",
        )


def found_values(site: FoundSite) -> dict[str, Sequence[str]]:
    """What a filter compares with, by field."""
    return {
        "name": (f"sites/{site.site_id}", site.site_id),
        "customer": (f"customers/{site.customer_id}", site.customer_id),
        "tag": site.tags,
        "url": (site.url,),
        "preset": (site.preset,),
        "state": (State(site.state).name,),
        "paused": ("true" if site.paused else "false",),
    }


def _sort_value(site: FoundSite, field: str) -> str | int:
    match field:
        case "name":
            return site.site_id
        case "customer":
            return site.customer_id
        case "url":
            return site.url
        case "state":
            return site.rank
        case "state_time":
            return to_us(site.state_time)
        case "create_time":
            return to_us(site.create_time)
        case _:
            raise invalid_field("order_by", "BAD_ORDER", f"{field} is no field to sort by")
