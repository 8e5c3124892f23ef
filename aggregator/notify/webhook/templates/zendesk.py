"""Zendesk: a ticket for each outage, with what follows as comments, solved at its end.

https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/ : the channel's URL is https://{subdomain}.zendesk.com/api/v2/tickets
"""

from collections.abc import Sequence
from typing import Any

from aggregator.notify.alerts import alert_action, plain_text, severity, short_key
from aggregator.notify.channels import Delivery
from aggregator.notify.http import Answer
from aggregator.notify.messages import Message
from aggregator.notify.webhook.templates import Request, Template

PRIORITIES = {"critical": "urgent", "error": "high", "warning": "normal", "info": "low"}


def _requests(delivery: Delivery, message: Message) -> Sequence[Request]:
    is_over = alert_action(delivery) == "resolve" or delivery.kind == "drill"
    ticket: dict[str, Any] = {"comment": {"body": plain_text(message), "public": False}}
    if is_over:
        ticket["status"] = "solved"
    if delivery.receipt is not None and delivery.follows is not None:
        return [Request({"ticket": ticket}, "PUT", f"/{delivery.receipt}")]
    ticket |= {
        "subject": message.subject[:150],
        "external_id": short_key(delivery),
        "type": "incident",
        "priority": PRIORITIES[severity(delivery, message)],
        "tags": ["quivive"],
    }
    if requester := delivery.declared.get("requester"):
        ticket["requester"] = {"email": requester, "name": requester}
    return [Request({"ticket": ticket})]


def _receipt(answer: Answer) -> str | None:
    content = answer.content
    number = content.get("ticket", {}).get("id") if isinstance(content, dict) else None
    return str(number) if isinstance(number, int) else None


TEMPLATE = Template(_requests, _receipt)
