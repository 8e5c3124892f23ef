"""The JSON that a webhook gets."""

import json
from collections.abc import Mapping
from typing import Any

from aggregator.notify.channels import Delivery
from quivive.domain.words import Cause, Responsibility


def body_of_delivery(delivery: Delivery, public_url: str | None) -> bytes:
    """The body of a delivery; the others of its group beside it."""
    document = _document(delivery.event_key, delivery.kind, delivery.payload, public_url)
    if delivery.others:
        document["group"] = {
            "explained_by": delivery.explained_by,
            "follows": delivery.follows,
            "others": [_incident(delivery.kind, payload, public_url) for payload in delivery.others],
        }
    return json.dumps(document, ensure_ascii=False).encode()


def body_of(event_key: str, kind: str, payload: Mapping[str, Any], public_url: str | None) -> bytes:
    """Names in place of numbers; documented in docs/operations.md."""
    return json.dumps(_document(event_key, kind, payload, public_url), ensure_ascii=False).encode()


def _document(event_key: str, kind: str, payload: Mapping[str, Any], public_url: str | None) -> dict[str, Any]:
    document: dict[str, Any] = {"key": event_key, "kind": kind}
    if "incident" in payload:
        document["incident"] = _incident(kind, payload, public_url)
    else:
        document["operations"] = dict(payload)
    return document


def _incident(kind: str, payload: Mapping[str, Any], public_url: str | None) -> dict[str, Any]:
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
        "resolve_time": payload.get("resolve_time"),
        "close_reason": payload.get("close_reason"),
        "cause": Cause(payload["cause"]).name,
        "responsibility": Responsibility(payload["responsibility"]).name,
        "confidence": payload.get("confidence"),
        "detail": payload["detail"],
        "regions": payload["regions"],
        "simulated": payload["simulated"],
        "link": f"{public_url.rstrip('/')}/incidents/{incident}" if public_url else None,
    }
