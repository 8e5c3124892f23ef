"""WatchSites: the sites as they are, then every change."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from api import names
from api.auth import scope
from api.database import Database
from api.filters import Term, holds, parse_filter
from api.heartbeats.addresses import Addresses
from api.services.messages import site_message, timestamp
from api.sites import Site, read_chosen, read_sites, require_customer
from api.streams.feed import Batch, Change, Feed, Step
from api.streams.snapshots import Place, decode, encode
from quivive.v1 import outcome_pb2, site_pb2

TOPIC = "site"
FILTERS = ("name", "customer", "tag", "url", "preset")
PIECE = 200
"""Changes in a message."""
PAGE = 500
"""Sites of a snapshot that are read at once."""

Message = site_pb2.WatchSitesResponse | bytes


class SiteWatch:
    """What any number of watchers are told; what is the same for several is made once."""

    def __init__(self, database: Database, addresses: Addresses | None, feed: Feed) -> None:
        self._database, self._addresses, self._feed = database, addresses, feed

    async def messages(self, request: site_pb2.WatchSitesRequest) -> AsyncIterator[Message]:
        """For as long as somebody listens."""
        asked = names.customer_id(request.customer, "customer") if request.customer else None
        customer = scope.customer_asked_for(asked)
        terms = parse_filter(request.filter, FILTERS)
        whole = scope.whole()
        if asked is not None:
            await require_customer(self._database, asked)
        place = decode(request.resume_token, TOPIC) if request.resume_token else None
        if place is None and not request.skip_snapshot:
            async for message, begun in self._snapshot(customer, terms, whole=whole):
                place = begun
                yield message
        async for step in self._feed.watch(place):
            for told in await self._told(step, customer, terms, whole=whole):
                yield told

    async def _snapshot(
        self, customer: str | None, terms: Sequence[Term], *, whole: bool
    ) -> AsyncIterator[tuple[Message, Place]]:
        async with self._database.consistent():
            place = Place(await self._feed.now())
            # All at once: who reads slowly must not hold the database's old rows.
            sites: list[Site] = []
            after: str | None = ""
            while after is not None:
                page = await read_sites(self._database, customer=customer, after=after, limit=PAGE)
                sites += [site for site in page if holds(terms, values_of(site))]
                after = page[-1].row.site_id if len(page) == PAGE else None
        for site in sites:
            yield site_pb2.WatchSitesResponse(site=site_message(site, self._addresses, whole=whole)), place
        end = site_pb2.SnapshotEnd(size=len(sites))
        yield site_pb2.WatchSitesResponse(snapshot_end=end, resume_token=encode(place, TOPIC)), place

    async def _told(self, step: Step, customer: str | None, terms: Sequence[Term], *, whole: bool) -> Sequence[Message]:
        changes = [change for change in step.batch.changes if change.topic == TOPIC]
        if not changes:
            if step.batch.changes:
                return ()
            now = Timestamp()
            now.GetCurrentTime()
            alive = site_pb2.KeepAlive(time=now)
            return [site_pb2.WatchSitesResponse(keep_alive=alive, resume_token=encode(step.after, TOPIC))]
        everything = whole and customer is None and not terms
        shared = ("site messages", str(step.seen), str(step.after))
        if everything and shared in step.batch.told:
            return step.batch.told[shared]  # type: ignore[no-any-return]
        told: list[Message] = []
        for start in range(0, len(changes), PIECE):
            piece = changes[start : start + PIECE]
            current = await self._current(step.batch, piece)
            shown = [
                self._message(change, current, whole=whole)
                for change in piece
                if (customer is None or change.customer_id == customer)
                and (not terms or _chosen(change, current, terms))
            ]
            if shown:
                place = step.place_at(piece[-1]) if start + PIECE < len(changes) else step.after
                message = site_pb2.WatchSitesResponse(
                    changes=site_pb2.SiteChanges(changes=shown), resume_token=encode(place, TOPIC)
                )
                told.append(message.SerializeToString() if everything else message)
        if everything:
            step.batch.told[shared] = told
        return told

    async def _current(self, batch: Batch, piece: Sequence[Change]) -> Mapping[str, Site]:
        """The sites of these changes as they are, read once for all watchers."""
        key = ("sites", piece[0].change_id, piece[-1].change_id)
        reading: asyncio.Task[list[Site]] | None = batch.told.get(key)
        if reading is None:
            ids = sorted({change.site_id for change in piece})
            reading = batch.told[key] = asyncio.create_task(read_chosen(self._database, ids))
        return {site.row.site_id: site for site in await asyncio.shield(reading)}

    def _message(self, change: Change, current: Mapping[str, Site], *, whole: bool) -> site_pb2.SiteChange:
        site = current.get(change.site_id)
        name = f"sites/{change.site_id}"
        return site_pb2.SiteChange(
            key=change.key,
            kind=change.kind,
            time=timestamp(change.time),
            site=name,
            check=f"{name}/checks/{change.check_name}" if change.check_name else "",
            state=outcome_pb2.State.ValueType(change.state or 0),
            incident=f"incidents/{change.incident_id}" if change.incident_id else "",
            current=site_message(site, self._addresses, whole=whole) if site is not None else None,
        )


def values_of(site: Site) -> dict[str, Sequence[str]]:
    """What a filter compares with, by field."""
    row = site.row
    return {
        "name": (f"sites/{row.site_id}", row.site_id),
        "customer": (f"customers/{row.customer_id}", row.customer_id),
        "tag": row.declared.get("tags", ()),
        "url": (row.url,),
        "preset": (row.declared.get("preset", ""),),
    }


def _chosen(change: Change, current: Mapping[str, Site], terms: Sequence[Term]) -> bool:
    """A site that is gone is told of to everybody who could have seen it: nothing is left to compare with."""
    site = current.get(change.site_id)
    return site is None or holds(terms, values_of(site))
