"""The page of one incident: what happened when, and what each attempt saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from api.database import Database
from api.incidents import EventRow, IncidentRow, VoteRow, read_events, read_incident, read_votes
from api.phrases import Phrases
from quivive.domain.times import SECOND_US, to_us
from quivive.domain.words import Outcome

EVENT_WORDS = {
    "confirmed": "Confirmed",
    "paged": "Paged",
    "page_failed": "Page failed",
    "acknowledged": "Acknowledged",
    "reopened": "Failed again",
    "moved": "Earlier start found",
    "resolved": "Resolved",
}


@dataclass(frozen=True, slots=True)
class VoteView:
    """An attempt in words."""

    end_time: datetime
    region: str
    attempt: str
    outcome: str
    seen: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class IncidentView:
    incident: IncidentRow
    cause: str
    responsibility: str
    duration: str
    to_detect: str
    events: Sequence[EventRow]
    votes: Sequence[VoteView]


async def read_incident_view(database: Database, phrases: Phrases, incident: str, now: datetime) -> IncidentView:
    """NotFound when there is none of this id."""
    row = await read_incident(database, incident)
    start_us = to_us(row.start_time)
    return IncidentView(
        incident=row,
        cause=phrases.cause(row.cause),
        responsibility=phrases.responsibility(row.responsibility),
        duration=phrases.duration(to_us(row.resolve_time or now) - start_us),
        to_detect=_to_detect(to_us(row.confirm_time) - start_us, phrases),
        events=await read_events(database, incident),
        votes=[_vote_view(vote, phrases) for vote in await read_votes(database, row)],
    )


def _to_detect(us: int, phrases: Phrases) -> str:
    """Mostly seconds, where their tenths matter."""
    return f"{us / SECOND_US:.1f} s" if us < 60 * SECOND_US else phrases.duration(us)


def _vote_view(vote: VoteRow, phrases: Phrases) -> VoteView:
    outcome = Outcome(vote.outcome)
    seen = vote.detail or (phrases.cause(vote.cause) if vote.cause else "")
    if not seen and vote.http_status:
        seen = f"HTTP {vote.http_status}"
    return VoteView(
        end_time=vote.end_time,
        region=vote.region,
        attempt=_attempt(vote.attempt),
        outcome=outcome.name,
        seen=seen,
        milliseconds=round(vote.duration / 10),
    )


def _attempt(number: int) -> str:
    """Scheduled attempts count from 0, confirmations from 10; a placeholder was not made at all."""
    if number < 0:
        return "–"
    return f"scheduled {number + 1}" if number < 10 else f"confirmation {number - 9}"
