"""Acknowledging and commenting incidents: facts that a person adds. Both are events; both are harmless to repeat."""

from uuid import UUID, uuid4

from api.corrections import sentence
from api.database import Database
from api.errors import FailedPrecondition, invalid_field
from api.incidents import read_incident
from quivive import sql

SQL = sql.load("api.sql", "acknowledgements.sql")

LONGEST_PERSON = 200
LONGEST_COMMENT = 2000


async def acknowledge(database: Database, incident: str, person: str, via: str) -> bool:
    """Say that `person` takes care of it; `via` is how they said so: "api", "link", "slack". The first one counts.

    True when this call did it, False when it was acknowledged already. NotFound, and FailedPrecondition once it is resolved.
    """
    who = sentence(person, "person", LONGEST_PERSON)
    await read_incident(database, incident)
    row = {"incident": incident, "person": who, "via": via}
    async with database.transaction() as connection:
        # Zero rows: somebody else was first, or it is over.
        done = (await connection.execute(SQL["acknowledge"], row)).rowcount == 1
    if not done and (found := await read_incident(database, incident)).acknowledge_time is None:
        assert found.resolve_time is not None
        raise FailedPrecondition(
            "INCIDENT_RESOLVED", f"incident {incident} is resolved already", metadata={"incident": incident}
        )
    return done


async def comment(
    database: Database, incident: str, person: str, text: str, *, public: bool = False, request_id: str = ""
) -> None:
    """Add a person's words; `public` ones are for the customer's pages, too. NotFound when there is no such incident."""
    who = sentence(person, "person", LONGEST_PERSON)
    words = sentence(text, "text", LONGEST_COMMENT)
    try:
        key = str(UUID(request_id)) if request_id else str(uuid4())
    except ValueError:
        raise invalid_field("request_id", "BAD_UUID", "is not a UUID") from None
    await read_incident(database, incident)
    row = {
        "incident": incident,
        "key": key,
        "kind": "published" if public else "commented",
        "detail": f"{words} ({who})",
    }
    async with database.transaction() as connection:
        await connection.execute(SQL["comment"], row)
