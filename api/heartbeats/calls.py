"""What a job says, and writing it down. Whatever is answered with success has been stored."""

from dataclasses import dataclass

from api.database import Database
from api.errors import NotFound
from api.heartbeats.addresses import digest
from quivive import sql

SQL = sql.load("api.sql", "heartbeats.sql")

MAX_DETAIL = 1024
"""Characters kept of what a job sends along."""


@dataclass(frozen=True, slots=True)
class Call:
    """One word of a job: success, start or fail."""

    kind: str
    exit_code: int | None = None
    detail: str = ""


def read_call(word: str, body: bytes) -> Call:
    """The call behind `/heartbeat/<token>/<word>`; no word is success. NotFound for any other word."""
    detail = body.decode("utf-8", "replace").replace("\0", "\ufffd")[:MAX_DETAIL]
    if word == "":
        return Call("success", detail=detail)
    if word in ("start", "fail"):
        return Call(word, detail=detail)
    if word.isascii() and word.isdecimal() and len(word) <= 3 and int(word) <= 255:
        code = int(word)
        return Call("fail" if code else "success", code, detail)
    raise NotFound("NO_SUCH_CALL", "a job calls its address, or start, fail or its exit code below it")


class Calls:
    """Takes calls in; raises NotFound for a token of no check, Unavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, token: str, call: Call) -> None:
        """Store the call."""
        row = {"hash": digest(token), "kind": call.kind, "exit_code": call.exit_code, "detail": call.detail}
        async with self._database.transaction() as connection:
            cursor = await connection.execute(SQL["call"], row)
            if await cursor.fetchone() is None:
                raise NotFound("NO_SUCH_HEARTBEAT", "no job calls here")
