"""Reads who can be told, as it is declared now, in the caller's transaction."""

from collections import defaultdict
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from aggregator.escalate.policies import Person, Policy, Roster, Step, Whom
from quivive import sql
from quivive.business_hours import parse_business_hours
from quivive.domain.times import to_datetime, to_us
from quivive.oncall.schedules import Override

SQL = sql.load("aggregator", "sql/escalation.sql")

_MICROSECOND = timedelta(microseconds=1)


async def read_roster(connection: psycopg.AsyncConnection, now_us: int) -> Roster:
    """People, schedules with who stands in now, policies, channels."""
    channels = await _rows(connection, "channels")
    people = [_person(declared) for (declared,) in await _rows(connection, "people")]
    policies = [_policy(declared) for (declared,) in await _rows(connection, "policies")]
    return Roster(
        people={person.person: person for person in people},
        schedules=await _schedules(connection, now_us),
        policies={policy.policy: policy for policy in policies},
        channels={channel: type_ for channel, type_, _ in channels},
        for_incidents=tuple(channel for channel, _, for_incidents in channels if for_incidents),
    )


async def _schedules(connection: psycopg.AsyncConnection, now_us: int) -> dict[str, Any]:
    declared = await _rows(connection, "schedules")
    if not declared:
        return {}
    # Only here: they bring the models of every kind with them.
    from quivive.configuration import ScheduleConfig
    from quivive.configuration.shifts import schedule_of

    overrides: dict[str, list[Override]] = defaultdict(list)
    cursor = await connection.execute(SQL["overrides"], {"now": to_datetime(now_us)})
    for schedule, name, person, start, end in await cursor.fetchall():
        overrides[schedule].append(Override(person, to_us(start), to_us(end), name))
    configs = [ScheduleConfig.model_validate(item) for (item,) in declared]
    return {config.id: schedule_of(config, overrides[config.id]) for config in configs}


def _person(declared: dict[str, Any]) -> Person:
    addresses = {**declared.get("contacts", {}), "email": declared["email"]}
    if "phone" in declared:
        addresses.setdefault("apprise", declared["phone"])
    quiet = declared.get("quiet_hours")
    return Person(
        person=declared["id"],
        name=declared["name"],
        locale=declared.get("locale", "en"),
        addresses=addresses,
        zone=ZoneInfo(declared.get("timezone", "UTC")),
        quiet_hours=None if quiet is None else parse_business_hours(quiet),
        is_operator=declared.get("role", "operator") == "operator",
    )


def _policy(declared: dict[str, Any]) -> Policy:
    from quivive.configuration import EscalationPolicyConfig

    config = EscalationPolicyConfig.model_validate(declared)
    return Policy(
        policy=config.id,
        steps=tuple(
            Step(Whom.of_json(step.model_dump()), step.wait // _MICROSECOND, step.severities) for step in config.steps
        ),
        repeat=config.repeat,
        repeat_after_us=config.repeat_after // _MICROSECOND,
        fallback=None if config.fallback is None else Whom.of_json(config.fallback.model_dump()),
        before_missed=None if config.before_missed is None else Whom.of_json(config.before_missed.model_dump()),
    )


async def _rows(connection: psycopg.AsyncConnection, section: str) -> list[Any]:
    return await (await connection.execute(SQL[section])).fetchall()
