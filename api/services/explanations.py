"""Evidence, votes and explanations as messages."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from api.explain.facts import Facts
from api.explain.reasons import Reasons
from api.incidents import EvidenceRow
from api.services.messages import timestamp
from quivive.domain.words import State
from quivive.v1 import incident_pb2, outcome_pb2


def evidence_message(row: EvidenceRow) -> incident_pb2.IncidentEvidence:
    excerpt, certificate = row.content.get("body_excerpt", ""), row.content.get("certificate", {})
    return incident_pb2.IncidentEvidence(
        region=row.region,
        slot=timestamp(row.slot),
        attempt=row.attempt,
        end_time=timestamp(row.end_time),
        cause=outcome_pb2.Cause.ValueType(row.cause),
        http_status=row.http_status,
        dns=row.dns,
        connect=row.connect,
        tls=row.tls,
        first_byte=row.first_byte,
        transfer=row.transfer,
        detail=row.content.get("detail", ""),
        address=row.content.get("address", ""),
        url=row.content.get("url", ""),
        headers=row.content.get("headers", {}),
        body_excerpt=excerpt,
        # Evidence from before the whole body was hashed has its excerpt only.
        body_hash=row.content.get("body_hash") or (sha256(excerpt.encode()).hexdigest() if excerpt else ""),
        body_characters=row.content.get("body_characters", 0),
        certificate_expire_time=row.content.get("certificate_expire_time", ""),
        resolved=row.content.get("resolved", ()),
        certificate_subject=certificate.get("subject", ""),
        certificate_issuer=certificate.get("issuer", ""),
        certificate_names=certificate.get("names", ()),
        certificate_fingerprint=certificate.get("fingerprint", ""),
    )


def vote_messages(votes: Sequence[Mapping[str, Any]]) -> list[incident_pb2.RegionVote]:
    return [
        incident_pb2.RegionVote(
            region=vote["region"],
            standing=vote["standing"],
            up=vote.get("up"),
            end_time=timestamp(datetime.fromisoformat(vote["end_time"])) if "end_time" in vote else None,
        )
        for vote in votes
    ]


def explanation_message(facts: Facts, reasons: Reasons) -> incident_pb2.Explanation:
    counted = reasons.counted
    return incident_pb2.Explanation(
        check=f"sites/{facts.check.site_id}/checks/{facts.check.name}",
        time=timestamp(facts.time),
        state=outcome_pb2.State.ValueType((facts.state or State.UNKNOWN).value),
        paged=reasons.paged,
        summary=reasons.summary,
        steps=[
            incident_pb2.ExplanationStep(time=timestamp(step.time), kind=step.kind, detail=step.detail)
            for step in reasons.steps
        ],
        votes=vote_messages(counted.votes) if counted is not None else [],
        vote_time=timestamp(counted.time) if counted is not None else None,
        quorum=counted.quorum if counted is not None else 0,
    )
