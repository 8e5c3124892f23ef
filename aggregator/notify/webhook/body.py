"""The JSON that a webhook gets."""

import json
from collections.abc import Mapping
from typing import Any

from quivive.domain.words import Cause, Responsibility


def body_of(event_key: str, kind: str, payload: Mapping[str, Any], public_url: str | None) -> bytes:
    """Names in place of numbers; documented in docs/operations.md."""
    document: dict[str, Any] = {"key": event_key, "kind": kind}
    if "incident" in payload:
        incident = payload["incident"]
        document["incident"] = {
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
            "detail": payload["detail"],
            "regions": payload["regions"],
            "simulated": payload["simulated"],
            "link": f"{public_url.rstrip('/')}/incidents/{incident}" if public_url else None,
        }
    else:
        document["operations"] = dict(payload)
    return json.dumps(document, ensure_ascii=False).encode()
