"""PagerDuty's v3 webhooks: who signed it, and what it says. https://developer.pagerduty.com/docs/webhooks-overview"""

import hmac
import json
from dataclasses import dataclass

ACKNOWLEDGED = "incident.acknowledged"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody took an alert on. `key` is the dedup key that we gave it."""

    key: str
    user: str
    """PagerDuty's id of the user."""
    name: str


def is_signed(secret: bytes, body: bytes, header: str) -> bool:
    """Whether one of the signatures in `X-PagerDuty-Signature` is ours: while a secret is renewed there are two."""
    expected = "v1=" + hmac.digest(secret, body, "sha256").hex()
    return any(hmac.compare_digest(expected, each.strip()) for each in header.split(",")[:10] if each.isascii())


def read_event(body: bytes) -> Acknowledgement | None:
    """What was acknowledged; None for every other event. ValueError when it is no event."""
    try:
        event = json.loads(body)["event"]
        if event["event_type"] != ACKNOWLEDGED:
            return None
        agent = event.get("agent") or {}
        return Acknowledgement(
            key=str(event["data"]["incident_key"])[:255],
            user=str(agent.get("id") or "")[:100],
            name=str(agent.get("summary") or "somebody in PagerDuty")[:100],
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not an event of PagerDuty: {type(error).__name__}") from None
