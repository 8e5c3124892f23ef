"""The audit log: each write with its person, in the transaction that carries it out."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import Error as JsonFormatError
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from psycopg import AsyncConnection

from api.auth.callers import Caller
from quivive import sql

SQL = sql.load("api.sql", "tokens.sql")

LONGEST = 4096
_SECRET = re.compile(
    r"secret|password|token|bearer|authorization|cookie|credential|auth$|^body$|^headers$", re.IGNORECASE
)
_QUERY = re.compile(r"\?[^\s\"]*")
HIDDEN = "…"


@dataclass(slots=True)
class Note:
    """A write that is under way; `recorded` once it stands in a transaction."""

    caller: Caller
    method: str
    resource: str
    request: str
    peer: str
    recorded: bool = False


_NOTE: ContextVar[Note | None] = ContextVar("note", default=None)


@contextmanager
def noting(caller: Caller, method: str, *, resource: str = "", request: str = "{}", peer: str = "") -> Iterator[Note]:
    """What is written to the database meanwhile is this caller's doing."""
    note = Note(caller, method, resource, request, peer)
    reset = _NOTE.set(note)
    try:
        yield note
    finally:
        _NOTE.reset(reset)


def about(resource: str) -> None:
    """Name what the write under way is done to, where the request did not."""
    if (note := _NOTE.get()) is not None:
        note.resource = resource


def summed_up(content: Mapping[str, Any]) -> None:
    """Keep this instead of the request of the write under way."""
    if (note := _NOTE.get()) is not None:
        note.request = _cut(json.dumps(content, ensure_ascii=False))


def dry() -> None:
    """The call under way writes nothing."""
    if (note := _NOTE.get()) is not None:
        note.recorded = True


async def record(connection: AsyncConnection[Any]) -> None:
    """Put the write under way down, once."""
    note = _NOTE.get()
    if note is None or note.recorded:
        return
    await connection.execute(
        SQL["record"],
        {
            "person": note.caller.person,
            "token": note.caller.token,
            "method": note.method,
            "resource": note.resource,
            "request": note.request,
            "peer": note.peer,
        },
    )
    note.recorded = True


def pending() -> bool:
    """A write is under way that stands in no transaction yet."""
    note = _NOTE.get()
    return note is not None and not note.recorded


def resource_of(request: Message) -> str:
    """What a request is about, as far as it says so: its `name` or `parent`, or its resource's."""
    fields = request.DESCRIPTOR.fields_by_name
    for field in ("name", "parent", "subject", "customer"):
        if field in fields and isinstance(value := getattr(request, field), str) and value:
            return value[:200].replace("\0", "")
    for descriptor, value in request.ListFields():
        if (
            descriptor.message_type is not None
            and not descriptor.is_repeated
            and "name" in value.DESCRIPTOR.fields_by_name
        ):
            return str(value.name)[:200].replace("\0", "")
    return ""


def summary(request: Message) -> str:
    """The request as JSON, without what may be secret, cut."""
    try:
        content = MessageToDict(request, preserving_proto_field_name=True)
    except (ValueError, JsonFormatError):  # a time that is none, a number that is none: it will be refused for that
        return "{}"
    return _cut(json.dumps(_bare(content), ensure_ascii=False))


def _bare(value: Any) -> Any:
    match value:
        case dict():
            return {key: HIDDEN if _SECRET.search(key) and inner else _bare(inner) for key, inner in value.items()}
        case list():
            return [_bare(inner) for inner in value[:100]]
        case str():
            return _QUERY.sub("?" + HIDDEN, value).replace("\0", "")[:1000]
        case _:
            return value


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + HIDDEN
