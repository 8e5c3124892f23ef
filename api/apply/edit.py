"""Changes one declaration, by the same path as an apply: what is created by a call is what an applied file would have made.

1. Wait for our turn; a creation that was asked for before under the same request id is answered without doing anything.
2. Read the declaration as it is; refuse if its etag is not the one that the caller has seen.
3. Change it, and check it as a configuration of this one declaration.
4. Read what it reaches: a site's checks, those of a customer's or of a plan's sites, or all. Plan and write, all or nothing.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import blake2b
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from pydantic import BaseModel

from api.apply import store
from api.apply.apply import new_check_id
from api.apply.changes import plan_checks, plan_kinds
from api.apply.declared import Declared, wanted_of
from api.apply.references import violations
from api.apply.store import SQL, Only
from api.auth import audit
from api.database import Database
from api.errors import (
    Aborted,
    AlreadyExists,
    ApiError,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Violation,
    invalid_field,
)
from api.heartbeats.addresses import Addresses
from quivive.configuration import ConfigurationError, format_path
from quivive.configuration.validate import validate

Data = dict[str, Any]
SINGULAR = {"sites": "site", "customers": "customer", "plans": "plan", "regions": "region"}


@dataclass(frozen=True, slots=True)
class Creation:
    """A request to create something, under an id that makes a repetition harmless."""

    request_id: UUID
    method: str
    hash: bytes


def creation_of(request_id: str, method: str, request: bytes) -> Creation | None:
    """None without an id. InvalidArgument when it is no UUID."""
    if not request_id:
        return None
    try:
        return Creation(UUID(request_id), method, blake2b(request, digest_size=16).digest())
    except ValueError:
        raise invalid_field("request_id", "BAD_UUID", "is not a UUID") from None


def data_of(declared: BaseModel) -> Data:
    """A declaration as plain data, without what is as by default."""
    return declared.model_dump(mode="json", exclude_defaults=True)


def etag_of(data: Mapping[str, Any]) -> str:
    """The same for the same declaration."""
    return blake2b(json.dumps(data, sort_keys=True).encode(), digest_size=12).hexdigest()


def require_etag(seen: str, data: Mapping[str, Any], name: str) -> None:
    """Aborted when the caller has seen another declaration than this one."""
    if seen and seen != etag_of(data):
        raise Aborted(
            "CHANGED_MEANWHILE",
            f"{name} was changed by somebody else meanwhile: read it again, then change it",
            metadata={"name": name, "etag": etag_of(data)},
        )


class Editor:
    """`on_applied` is called after each commit that changed something."""

    def __init__(
        self,
        database: Database,
        min_interval: timedelta,
        on_applied: Callable[[], None],
        addresses: Addresses | None = None,
    ) -> None:
        self._database = database
        self._addresses = addresses
        self._min_interval = min_interval
        self._on_applied = on_applied

    async def create(
        self, kind: str, id_: str, data: Data, creation: Creation | None = None, *, validate_only: bool = False
    ) -> str:
        """Declare something new; its id, which is another one where the request was carried out before."""
        async with self._database.transaction() as connection:
            await store.lock(connection)
            if creation is not None and (made := await repeated(connection, creation)) is not None:
                audit.dry()
                return made
            audit.about(f"{kind}/{id_}")
            if await self._current(connection, kind, id_) is not None:
                name = f"{kind}/{id_}"
                raise AlreadyExists("ALREADY_EXISTS", f"there is {name} already", metadata={"name": name})
            await self._put(connection, kind, id_, {**data, "id": id_}, validate_only=validate_only)
            if creation is not None and not validate_only:
                await remember(connection, creation, id_)
        self._applied(validate_only=validate_only)
        return id_

    async def update(
        self, kind: str, id_: str, change: Callable[[Data], Data], etag: str = "", *, validate_only: bool = False
    ) -> None:
        """Replace a declaration by what `change` makes of it."""
        async with self._database.transaction() as connection:
            await store.lock(connection)
            current = await self._required(connection, kind, id_)
            require_etag(etag, current, f"{kind}/{id_}")
            await self._put(connection, kind, id_, {**change(dict(current)), "id": id_}, validate_only=validate_only)
        self._applied(validate_only=validate_only)

    async def delete(
        self, kind: str, id_: str, etag: str = "", *, allow_missing: bool = False, force: bool = False
    ) -> None:
        """Take a declaration back; with `force` a customer's sites, too."""
        async with self._database.transaction() as connection:
            await store.lock(connection)
            current = await self._current(connection, kind, id_)
            if current is None and allow_missing:
                return
            if current is None:
                raise missing(kind, id_)
            require_etag(etag, current, f"{kind}/{id_}")
            present = await store.read_present(connection, await self._reach(connection, kind, id_, current))
            wanted = _without(present.declared, kind, id_)
            if force and kind == "customers":
                kept = {site: item for site, item in wanted.sites.items() if item.customer != id_}
                wanted = replace(wanted, sites=kept)
            _require_unused(wanted, kind, id_)
            plan = plan_kinds(present.declared, wanted, prune=True)
            if kind == "plans":
                plan = replace(plan, plans=replace(plan.plans, deleted={id_: present.declared.plans[id_]}, kept={}))
            if kind == "regions" and not wanted.regions:
                plan = replace(plan, regions=replace(plan.regions, deleted=present.declared.regions, kept={}))
            checks = await asyncio.to_thread(plan_checks, present, plan, heartbeats=self._addresses is not None)
            await store.write(connection, plan, checks, new_check_id)
        self._applied(validate_only=False)

    async def current(self, kind: str, id_: str) -> Data:
        """A declaration as it is. NotFound when there is none."""
        async with self._database.transaction() as connection:
            return await self._required(connection, kind, id_)

    async def _put(
        self, connection: AsyncConnection[Any], kind: str, id_: str, data: Data, *, validate_only: bool
    ) -> None:
        try:
            configuration = validate({kind: [data]})
        except ConfigurationError as error:
            raise _refusal(kind, [Violation(format_path(item.path), item.message) for item in error.problems]) from None
        present = await store.read_present(connection, await self._reach(connection, kind, id_, data))
        item = getattr(wanted_of(configuration), kind)[id_]
        wanted = replace(present.declared, **{kind: {**getattr(present.declared, kind), id_: item}})
        plan = plan_kinds(present.declared, wanted, prune=True)
        wrong = violations(configuration, plan, self._min_interval, heartbeats=self._addresses is not None, prune=False)
        if wrong:
            raise _refusal(kind, wrong)
        checks = await asyncio.to_thread(plan_checks, present, plan, heartbeats=self._addresses is not None)
        if not validate_only:
            await store.write(connection, plan, checks, new_check_id)

    async def _current(self, connection: AsyncConnection[Any], kind: str, id_: str) -> Data | None:
        if kind == "sites":
            row = await (await connection.execute(SQL["declared_site"], {"id": id_})).fetchone()
            return None if row is None else dict(row[0])
        customers = [id_] if kind == "customers" else []
        present = await store.read_present(connection, Only(sites=[], customers=customers))
        found = getattr(present.declared, kind).get(id_)
        return None if found is None else data_of(found)

    async def _required(self, connection: AsyncConnection[Any], kind: str, id_: str) -> Data:
        current = await self._current(connection, kind, id_)
        if current is None:
            raise missing(kind, id_)
        return current

    async def _reach(self, connection: AsyncConnection[Any], kind: str, id_: str, data: Data) -> Only:
        """What follows from a change of this declaration."""
        match kind:
            case "sites":
                row = await (await connection.execute(SQL["declared_site"], {"id": id_})).fetchone()
                owners = {str(data.get("customer", ""))} | (set() if row is None else {str(row[1])})
                return Only(sites=[id_], customers=sorted(owners))
            case "customers":
                return Only(sites=await _ids(connection, "sites_of_customers", customers=[id_]), customers=[id_])
            case "plans":
                customers = await _ids(connection, "customers_of_plan", id=id_)
                return Only(await _ids(connection, "sites_of_customers", customers=customers), customers)
            case _:
                return Only()

    def _applied(self, *, validate_only: bool) -> None:
        if not validate_only:
            self._on_applied()


def missing(kind: str, id_: str) -> NotFound:
    """There is nothing of this kind and id."""
    one = SINGULAR[kind]
    return NotFound(f"{one.upper()}_NOT_FOUND", f"there is no {one} {id_}", metadata={one: id_})


async def repeated(connection: AsyncConnection[Any], creation: Creation) -> str | None:
    """What the same request made before. InvalidArgument when it was another request."""
    row = await (await connection.execute(SQL["creation"], {"request": creation.request_id})).fetchone()
    if row is None:
        return None
    method, hash_, resource = row
    if method != creation.method or bytes(hash_) != creation.hash:
        raise invalid_field("request_id", "REQUEST_ID_REUSED", "was used for another request")
    return str(resource)


async def remember(connection: AsyncConnection[Any], creation: Creation, resource: str) -> None:
    """What the request made."""
    await connection.execute(
        SQL["remember_creation"],
        {
            "request": creation.request_id,
            "method": creation.method,
            "hash": creation.hash,
            "resource": resource,
        },
    )


async def _ids(connection: AsyncConnection[Any], section: str, **parameters: object) -> list[str]:
    return [str(id_) for (id_,) in await (await connection.execute(SQL[section], parameters)).fetchall()]


def _without(declared: Declared, kind: str, id_: str) -> Declared:
    return replace(declared, **{kind: {key: value for key, value in getattr(declared, kind).items() if key != id_}})


def _require_unused(wanted: Declared, kind: str, id_: str) -> None:
    """FailedPrecondition while something refers to it."""
    users: Sequence[str] = ()
    match kind:
        case "customers":
            users = [f"sites/{site.id}" for site in wanted.sites.values() if site.customer == id_]
        case "plans":
            users = [f"customers/{customer.id}" for customer in wanted.customers.values() if customer.plan == id_]
        case "regions":
            left = any(not region.drained for region in wanted.regions.values())
            users = [
                f"sites/{site.id}"
                for site in wanted.sites.values()
                if not left or any(id_ in (item.regions or ()) for item in (site, *site.checks))
            ]
    if users:
        more = f" and {len(users) - 3} more" if len(users) > 3 else ""
        one = SINGULAR[kind]
        raise FailedPrecondition(
            f"{one.upper()}_IN_USE",
            f"{one} {id_} is needed by {', '.join(users[:3])}{more}",
            metadata={one: id_, "users": str(len(users))},
        )


def _refusal(kind: str, wrong: Sequence[Violation]) -> ApiError:
    one = SINGULAR[kind]
    told = [Violation(_field(kind, item.field), item.description) for item in wrong]
    more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
    return InvalidArgument(f"BAD_{one.upper()}", f"{told[0].field}: {told[0].description}{more}", violations=told)


def _field(kind: str, path: str) -> str:
    """`sites[0].checks[1].tcp` in a configuration is `site.declared_checks[1].tcp` in a request."""
    one = SINGULAR[kind]
    rest = path.removeprefix(f"{kind}[0]")
    if kind == "sites" and rest.startswith(".checks"):
        rest = rest.replace(".checks", ".declared_checks", 1)
    if kind == "customers" and rest == ".name":
        rest = ".title"
    return f"{one}_id" if rest == ".id" else one + rest if rest != path else path
