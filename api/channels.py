"""Channels: where news goes, what became of it, and a test of the way there, which is the way that pages take."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from api.database import Database
from api.errors import NotFound
from quivive import sql

SQL = sql.load("api.sql", "channels.sql")

TEST_WITHIN_S = 30.0
LOOK_EVERY_S = 0.2
NOBODY = "no aggregator took it up in time: see whether one is running"


@dataclass(frozen=True, slots=True)
class Tested:
    """What became of a test."""

    time: datetime
    delivered: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A channel and how it does."""

    channel_id: str
    type: str
    audience: Sequence[str]
    target: str
    last_sent_time: datetime | None
    waiting: int
    last_error: str
    last_test: Tested | None


async def read_channels(database: Database) -> list[ChannelRow]:
    """All that are declared, by name."""
    async with database.transaction() as connection:
        rows = await (await connection.execute(SQL["list"])).fetchall()
    return [
        ChannelRow(
            channel_id=channel,
            type=type_,
            audience=audience,
            target=target_of(type_, declared),
            last_sent_time=sent,
            waiting=waiting,
            last_error=error or "",
            last_test=Tested(time, delivered, "" if delivered else reason) if time is not None else None,
        )
        for channel, type_, audience, declared, sent, waiting, error, time, delivered, reason in rows
    ]


async def try_channel(database: Database, channel: str, within_s: float = TEST_WITHIN_S) -> Tested:
    """Put a test into the outbox and wait for its first result. NotFound when there is no such channel."""
    async with database.transaction() as connection:
        cursor = await connection.execute(SQL["test"], {"channel": channel, "key": str(uuid4())})
        made = await cursor.fetchone()
    if made is None:
        raise NotFound("CHANNEL_NOT_FOUND", f"there is no channel {channel}", metadata={"channel": channel})
    outbox, time = made
    deadline = monotonic() + within_s
    result: tuple[bool, str] | None = None
    try:
        while result is None and monotonic() < deadline:
            await asyncio.sleep(LOOK_EVERY_S)
            async with database.transaction() as connection:
                result = await (await connection.execute(SQL["tested"], {"outbox": outbox})).fetchone()
    finally:
        async with database.transaction() as connection:
            await connection.execute(SQL["test_end"], {"outbox": outbox, "reason": NOBODY})
    delivered, reason = result or (False, NOBODY)
    return Tested(time, delivered, "" if delivered else reason)


def target_of(type_: str, declared: Mapping[str, Any]) -> str:
    """Where to, for people. Secrets are not there to be shown: only their names are declared."""
    match type_:
        case "email":
            return ", ".join(declared["to"])
        case "webhook":
            return f"{urlsplit(declared['url']).netloc} ({declared.get('template', 'quivive')})"
        case "slack":
            return str(declared.get("channel") or "an incoming webhook")
        case "ntfy":
            return f"{urlsplit(declared.get('server', 'https://ntfy.sh')).netloc}/{declared['topic']}"
        case "pagerduty":
            return f"PagerDuty, {declared.get('region', 'us').upper()}"
        case "jira":
            return f"Jira Service Management{', ' + declared['team'] if declared.get('team') else ''}"
        case "teams":
            return "a workflow of Teams"
        case _:
            return type_
