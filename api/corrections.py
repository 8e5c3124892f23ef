"""Corrections of incidents: what a person found out later on. They are events; the incident stays as it was judged."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from api.database import Database
from api.errors import invalid_field
from api.incidents import read_incident
from quivive import sql
from quivive.domain.words import Responsibility
from quivive.v1 import incident_pb2

SQL = sql.load("api.sql", "evidence.sql")

LONGEST_AUTHOR = 200
LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class Correction:
    """`responsibility` is None where the judged one stays."""

    correction_id: str
    author: str
    reason: str
    counted: bool
    responsibility: Responsibility | None

    @property
    def detail(self) -> str:
        """One line for a person."""
        what = "counts" if self.counted else "does not count"
        whose = f", responsibility {self.responsibility.name}" if self.responsibility else ""
        return f"{what}{whose}: {self.reason} ({self.author})"


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    time: datetime
    author: str
    reason: str
    counted: bool
    responsibility: int | None


def requested(request: incident_pb2.CorrectIncidentRequest) -> Correction:
    """The correction that is asked for. InvalidArgument when something is missing."""
    if not request.HasField("counted"):
        raise invalid_field("counted", "REQUIRED", "must say whether the outage counts")
    try:
        correction = str(UUID(request.request_id)) if request.request_id else str(uuid4())
    except ValueError:
        raise invalid_field("request_id", "BAD_UUID", "is not a UUID") from None
    try:
        responsibility = Responsibility(request.responsibility) if request.responsibility else None
    except ValueError:
        raise invalid_field("responsibility", "BAD_VALUE", "is not one of the vocabulary") from None
    return Correction(
        correction,
        sentence(request.author, "author", LONGEST_AUTHOR),
        sentence(request.reason, "reason", LONGEST_REASON),
        request.counted,
        responsibility,
    )


def sentence(text: str, field: str, longest: int) -> str:
    """The text without surrounding space. InvalidArgument when it is empty, too long or has control characters."""
    stripped = text.strip()
    if not stripped:
        raise invalid_field(field, "REQUIRED", "must not be empty")
    if len(stripped) > longest:
        raise invalid_field(field, "TOO_LONG", f"has more than {longest} characters")
    if any(ord(char) < 32 and char != "\n" for char in stripped):
        raise invalid_field(field, "BAD_CHARACTER", "has a control character")
    return stripped


async def record(database: Database, incident: str, correction: Correction) -> None:
    """Record it and its event. NotFound when there is no such incident."""
    await read_incident(database, incident)
    row = {
        "incident": incident,
        "correction": correction.correction_id,
        "author": correction.author,
        "reason": correction.reason,
        "counted": correction.counted,
        "responsibility": correction.responsibility,
        "detail": correction.detail,
    }
    async with database.transaction() as connection:
        await connection.execute(SQL["correct"], row)
        await connection.execute(SQL["correct_event"], row)


async def read_corrections(database: Database, incident: str) -> list[CorrectionRow]:
    """An incident's corrections, oldest first; the last one holds."""
    return await database.fetch(CorrectionRow, SQL["corrections"], incident=incident)
