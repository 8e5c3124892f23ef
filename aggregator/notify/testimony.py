"""What an incident rests on, as it stands when a message goes out: the regions' votes, and what attempts saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from aggregator.notify.texts import words_of
from aggregator.phrases import cause_phrase
from quivive import sql
from quivive.domain.words import Cause

SQL = sql.load("aggregator", "sql/testimony.sql")
MOST_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Testimony:
    """Votes as they were counted last, and the newest failing attempt of each region."""

    votes: tuple[Mapping[str, Any], ...] = ()
    evidence: tuple[Mapping[str, Any], ...] = ()


NOTHING_SEEN = Testimony()


async def read(connection: psycopg.AsyncConnection, incidents: Sequence[str]) -> dict[str, Testimony]:
    """By incident."""
    cursor = await connection.execute(SQL["testimony"], {"incidents": list(incidents), "most": MOST_SHOWN})
    return {
        incident: Testimony(tuple(votes or ()), tuple(seen or ())) for incident, votes, seen in await cursor.fetchall()
    }


def vote_lines(testimony: Testimony, locale: str) -> tuple[tuple[str, str], ...]:
    """Each region and what it says, in words."""
    return tuple((vote["region"], _vote(vote, locale)) for vote in testimony.votes)


def evidence_lines(testimony: Testimony, locale: str, zone: str) -> tuple[str, ...]:
    """`eu-west 09:00:03: HTTP 503 from 192.0.2.7:443`, on the customer's clock."""
    lines = []
    for seen in testimony.evidence:
        local = datetime.fromisoformat(seen["time"]).astimezone(ZoneInfo(zone))
        detail = seen["detail"] or cause_phrase(Cause(seen["cause"]), locale)
        lines.append(f"{seen['region']} {local:%H:%M:%S}: {detail}")
    return tuple(lines)


def _vote(vote: Mapping[str, Any], locale: str) -> str:
    words = words_of(locale)
    if vote["standing"] == "blind":
        return words["seen_blind"]
    if vote.get("up") is None:
        return words["seen_nothing"]
    seen = words["seen_up"]
    if not vote["up"]:
        failing = vote.get("failing") or [{"cause": 0}]
        seen = words["seen_down"].format(cause=cause_phrase(Cause(failing[-1]["cause"]), locale))
    return words["seen_old"].format(seen=seen) if vote["standing"] == "stale" else seen
