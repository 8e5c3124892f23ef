"""SiteService: the watched sites and how they stand."""

import grpc

from api import names, page_tokens
from api.database import Database
from api.heartbeats.addresses import Addresses
from api.services.messages import site_message
from api.sites import read_site, read_sites, require_customer
from quivive.v1 import site_pb2, site_pb2_grpc


class SiteService(site_pb2_grpc.SiteServiceServicer):
    def __init__(self, database: Database, addresses: Addresses | None) -> None:
        self._database = database
        self._addresses = addresses

    async def GetSite(
        self,
        request: site_pb2.GetSiteRequest,
        context: grpc.aio.ServicerContext[site_pb2.GetSiteRequest, site_pb2.Site],
    ) -> site_pb2.Site:
        return site_message(await read_site(self._database, names.site_id(request.name)), self._addresses)

    async def ListSites(
        self,
        request: site_pb2.ListSitesRequest,
        context: grpc.aio.ServicerContext[site_pb2.ListSitesRequest, site_pb2.ListSitesResponse],
    ) -> site_pb2.ListSitesResponse:
        customer = names.customer_id(request.customer, "customer") if request.customer else None
        size = page_tokens.page_size(request.page_size)
        listing = ("sites", request.customer)
        key = page_tokens.decode(request.page_token, listing, (str,))
        if customer is not None:
            await require_customer(self._database, customer)
        # One more than wanted tells whether there is a next page.
        found = await read_sites(self._database, customer=customer, after=str(key[0]) if key else "", limit=size + 1)
        more, sites = len(found) > size, found[:size]
        return site_pb2.ListSitesResponse(
            sites=[site_message(site, self._addresses) for site in sites],
            next_page_token=page_tokens.encode((sites[-1].row.site_id,), listing) if more else "",
        )
