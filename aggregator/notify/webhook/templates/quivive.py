"""Our own, documented in docs/channels.md: everything that is known, for programs."""

from collections.abc import Mapping, Sequence
from typing import Any

from aggregator.notify.channels import Delivery
from aggregator.notify.messages import Message
from aggregator.notify.webhook.templates import Request, Template
from quivive.domain.words import Cause, Responsibility


def _requests(delivery: Delivery, message: Message) -> Sequence[Request]:
    return [Request(document_of(delivery, message))]


def document_of(delivery: Delivery, message: Message) -> dict[str, Any]:
    """Names in place of numbers; the others of a group beside the first."""
    payload = delivery.payload
    document: dict[str, Any] = {"key": delivery.event_key, "kind": delivery.kind}
    if "incident" not in payload:
        return {**document, "operations": dict(payload)}
    home = (message.link or "").rpartition("/incidents/")[0] or None
    document["incident"] = _incident(delivery.kind, payload, home) | {
        "votes": list(delivery.testimony.votes),
        "evidence": [
            {**seen, "cause": Cause(seen["cause"]).name if seen.get("cause") is not None else None}
            for seen in delivery.testimony.evidence
        ],
        "acknowledge_link": message.acknowledge,
    }
    if delivery.follows:
        document["follows"] = delivery.follows
    if delivery.others:
        document["group"] = {
            "explained_by": delivery.explained_by,
            "follows": delivery.follows,
            "others": [_incident(delivery.kind, other, home) for other in delivery.others],
        }
    return document


def _incident(kind: str, payload: Mapping[str, Any], home: str | None) -> dict[str, Any]:
    incident = payload["incident"]
    return {
        "name": f"incidents/{incident}",
        "site": f"sites/{payload['site']}",
        "check": f"sites/{payload['site']}/checks/{payload['check']}",
        "customer": f"customers/{payload['customer']}",
        "url": payload["url"],
        "state": "RESOLVED" if kind == "incident.resolved" else "OPEN",
        "start_time": payload["start_time"],
        "confirm_time": payload["confirm_time"],
        "acknowledge_time": payload.get("acknowledge_time"),
        "resolve_time": payload.get("resolve_time"),
        "close_reason": payload.get("close_reason"),
        "respond_by": payload.get("respond_by"),
        "severity": payload.get("severity"),
        "cause": Cause(payload["cause"]).name,
        "responsibility": Responsibility(payload["responsibility"]).name,
        "confidence": payload.get("confidence"),
        "detail": payload["detail"],
        "regions": payload["regions"],
        "simulated": payload["simulated"],
        "link": f"{home}/incidents/{incident}" if home else None,
    }


TEMPLATE = Template(_requests)
