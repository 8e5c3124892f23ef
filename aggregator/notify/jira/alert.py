"""A message as an alert. https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v2/api-group-integration-events/"""

from typing import Any

from aggregator.notify.alerts import clip, plain_text, severity, short_key
from aggregator.notify.channels import Delivery
from aggregator.notify.messages import Message

PRIORITIES = {"critical": "P1", "error": "P2", "warning": "P3", "info": "P5"}


def alert_of(delivery: Delivery, message: Message) -> dict[str, Any]:
    """What creates it; the alias tells it from all others."""
    payload, declared = delivery.payload, delivery.declared
    links = {"acknowledge": message.acknowledge, "incident": message.link}
    alert: dict[str, Any] = {
        "message": clip(message.subject, 130),
        "alias": short_key(delivery),
        "description": plain_text(message),
        "details": {name: link for name, link in links.items() if link},
        "tags": ["quivive", delivery.kind],
        "source": "Quivive",
        "priority": PRIORITIES[severity(delivery, message)],
    }
    if "site" in payload:
        alert["entity"] = clip(str(payload["site"]), 512)
        alert["details"] |= {"customer": payload.get("customer_title", ""), "url": payload.get("url", "")}
    if declared.get("team"):
        alert["responders"] = [{"name": declared["team"], "type": "team"}]
    return alert


def note_of(message: Message) -> dict[str, Any]:
    """What goes with acknowledging and closing."""
    return {"source": "Quivive", "user": "Quivive", "note": clip(message.sentence, 25_000)}
