"""The page of one incident: what happened when, and what each attempt saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.database import Database
from api.incidents import (
    EventRow,
    EvidenceRow,
    IncidentRow,
    VoteRow,
    read_counted,
    read_events,
    read_evidence,
    read_incident,
    read_votes,
)
from api.phrases import Phrases
from quivive.domain.times import SECOND_US, to_us
from quivive.domain.words import Outcome

EVIDENCE_SHOWN = 12

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
class EvidenceView:
    """What a failing attempt kept, as labels and values."""

    title: str
    facts: Sequence[tuple[str, str]]
    excerpt: str


@dataclass(frozen=True, slots=True)
class IncidentView:
    incident: IncidentRow
    cause: str
    responsibility: str
    duration: str
    to_detect: str
    events: Sequence[EventRow]
    votes: Sequence[VoteView]
    confidence: str
    counted: Sequence[tuple[str, str]]
    """By region: how its vote counted when it was confirmed."""
    evidence: Sequence[EvidenceView]


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
        confidence="" if row.confidence is None else f"{row.confidence:.0%} sure",
        counted=[(vote["region"], _counted(vote)) for vote in await read_counted(database, incident)],
        evidence=[_evidence_view(kept) for kept in (await read_evidence(database, incident))[:EVIDENCE_SHOWN]],
    )


def _counted(vote: Mapping[str, Any]) -> str:
    said = "" if vote.get("up") is None else "UP, " if vote["up"] else "DOWN, "
    return f"{said}{vote['standing']}"


def _evidence_view(row: EvidenceRow) -> EvidenceView:
    seen = row.content
    certificate = seen.get("certificate", {})
    facts = {
        "Seen": seen.get("detail", ""),
        "Address": seen.get("address", ""),
        "Name leads to": ", ".join(seen.get("resolved", ())),
        "Page": seen.get("url", ""),
        "Certificate": " by ".join(part for part in (certificate.get("subject"), certificate.get("issuer")) if part),
        "Valid for": ", ".join(certificate.get("names", ())),
        "Valid until": seen.get("certificate_expire_time", ""),
        "Fingerprint": certificate.get("fingerprint", ""),
        "Headers": "\n".join(f"{name}: {value}" for name, value in seen.get("headers", {}).items()),
        "Body": f"{seen['body_characters']} characters, SHA-256 {seen['body_hash']}" if "body_hash" in seen else "",
    }
    title = f"{row.region}, {_attempt(row.attempt)} attempt, {row.end_time:%H:%M:%S}"
    return EvidenceView(title, [fact for fact in facts.items() if fact[1]], seen.get("body_excerpt", ""))


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
