"""Help Scout: a conversation for each outage, with what follows as notes, closed at its end.

https://developer.helpscout.com/mailbox-api/endpoints/conversations/create/ : the channel's URL is https://api.helpscout.net/v2/conversations
"""

from collections.abc import Sequence
from typing import Any

from aggregator.notify.alerts import alert_action, plain_text
from aggregator.notify.channels import Delivery
from aggregator.notify.http import Answer
from aggregator.notify.messages import Message
from aggregator.notify.webhook.templates import Request, Template


def _requests(delivery: Delivery, message: Message) -> Sequence[Request]:
    is_over = alert_action(delivery) == "resolve" or delivery.kind == "drill"
    text = plain_text(message)
    if delivery.receipt is not None and delivery.follows is not None:
        note = Request({"text": text}, path=f"/{delivery.receipt}/notes")
        close = Request({"op": "replace", "path": "/status", "value": "closed"}, "PATCH", f"/{delivery.receipt}")
        return [note, close] if is_over else [note]
    declared = delivery.declared
    customer = {"email": declared["requester"]}
    document: dict[str, Any] = {
        "subject": message.subject,
        "type": "email",
        "mailboxId": declared["mailbox"],
        "status": "closed" if is_over else "active",
        "customer": customer,
        "threads": [{"type": "customer", "customer": customer, "text": text}],
        "tags": ["quivive"],
        "autoReply": False,
    }
    return [Request(document)]


def _receipt(answer: Answer) -> str | None:
    number = answer.headers.get("resource-id", "")
    return number if number.isascii() and number.isdecimal() else None


TEMPLATE = Template(_requests, _receipt)
