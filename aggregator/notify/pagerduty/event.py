"""A message as an event. https://developer.pagerduty.com/docs/events-api-v2/trigger-events/"""

from typing import Any

from aggregator.notify.alerts import Action, alert_key, clip, severity
from aggregator.notify.channels import Delivery
from aggregator.notify.messages import Message
from quivive.domain.words import Cause, Responsibility


def event_of(delivery: Delivery, message: Message, action: Action, routing_key: str) -> dict[str, Any]:
    """Acknowledging and resolving need the key alone."""
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": clip(alert_key(delivery), 255),
        "client": "Quivive",
    }
    if message.link:
        event["client_url"] = message.link
    if action != "trigger":
        return event
    payload = delivery.payload
    event["payload"] = {
        "summary": clip(message.subject, 1024),
        "source": payload.get("url") or payload.get("region") or "quivive",
        "severity": severity(delivery, message),
        "custom_details": {
            "text": message.sentence,
            **dict(message.facts),
            **({"votes": dict(message.votes)} if message.votes else {}),
            **({"evidence": list(message.evidence)} if message.evidence else {}),
        },
    }
    if "start_time" in payload:
        event["payload"]["timestamp"] = payload["start_time"]
    if "incident" in payload:
        event["payload"] |= {
            "component": payload["site"],
            "group": payload["customer"],
            "class": f"{Cause(payload['cause']).name}/{Responsibility(payload['responsibility']).name}",
        }
    links = ((message.acknowledge, "acknowledge"), (message.link, "open"))
    event["links"] = [{"href": href, "text": text} for href, text in links if href]
    return event


def change_of(message: Message, routing_key: str, time: str) -> dict[str, Any]:
    """A change event goes the same way and wakes nobody: the daily drill."""
    payload = {"summary": clip(message.subject, 1024), "source": "quivive", "timestamp": time}
    return {"routing_key": routing_key, "payload": payload}
