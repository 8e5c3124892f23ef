"""People, schedules, policies as `quivive apply` would have stored them, and outages to escalate."""

from typing import Any

import psycopg
from declaring import declare, declare_channel
from psycopg.types.json import Jsonb

from aggregator import database
from aggregator.decide.transitions import IncidentConfirmed, IncidentResolved, Transition
from aggregator.persist import incidents
from quivive.configuration import EscalationPolicyConfig, PersonConfig, ScheduleConfig
from quivive.domain.words import Cause, Responsibility

MINUTE = 60_000_000
PEOPLE: tuple[dict[str, Any], ...] = (
    {"id": "alice", "name": "Alice Martin", "email": "alice@agency.example", "locale": "fr"},
    {"id": "bob", "name": "Bob", "email": "bob@agency.example"},
    {"id": "boss", "name": "The Boss", "email": "boss@agency.example", "role": "reader"},
)
SCHEDULE: dict[str, Any] = {
    "id": "primary",
    "timezone": "Europe/Paris",
    "layers": [{"rotation": ["alice", "bob"], "shift": "daily", "handover": "09:00", "start": "2026-03-01"}],
}
POLICY: dict[str, Any] = {
    "id": "night",
    "steps": [
        {"schedule": "primary"},
        {"wait": "10min", "person": "bob"},
        {"wait": "5min", "everybody": True},
    ],
    "repeat": 1,
    "repeat_after": "20min",
    "fallback": {"person": "boss"},
    "before_missed": {"person": "boss"},
}


def declare_paging(
    url: str, *, sites: int = 1, policy: dict[str, Any] | None = None, schedule: Any = None
) -> list[int]:
    """Sites under the plan Premium, one mail channel, and the policy for all of them; the checks' ids."""
    checks = declare(url, sites=sites)
    declare_channel(url, "mail", "email", ["incidents"], to=["oncall@agency.example"])
    with psycopg.connect(url) as connection:
        for person in PEOPLE:
            _put(connection, "people", "person_id", PersonConfig.model_validate(person))
        _put(connection, "schedules", "schedule_id", ScheduleConfig.model_validate(schedule or SCHEDULE))
        declared = EscalationPolicyConfig.model_validate(policy or POLICY)
        _put(connection, "escalation_policies", "policy_id", declared)
        connection.execute("UPDATE quivive.customers SET escalation_policy = %s", [declared.id])
    return checks


def _put(connection: psycopg.Connection, table: str, key: str, item: Any) -> None:
    declared = Jsonb(item.model_dump(mode="json", exclude_defaults=True))
    connection.execute(f"INSERT INTO quivive.{table} ({key}, declared) VALUES (%s, %s)", [item.id, declared])  # type: ignore[arg-type]


async def record(url: str, *transitions: Transition) -> None:
    """In one transaction, as the writer does."""
    async with await database.connect(url, "test") as connection, connection.transaction():
        await incidents.store(connection, transitions)


def confirmed(
    at_us: int, incident: str = "i1", check: int = 101, cause: Cause = Cause.TCP_REFUSED
) -> IncidentConfirmed:
    regions = ("eu-west", "us-east")
    return IncidentConfirmed(incident, check, at_us - 5_000_000, at_us, cause, Responsibility.HOST, regions, "2 of 3")


def resolved(at_us: int, incident: str = "i1", check: int = 101) -> IncidentResolved:
    return IncidentResolved(incident, check, at_us, at_us, "recovered")
