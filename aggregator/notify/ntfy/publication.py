"""A message as ntfy's JSON. https://docs.ntfy.sh/publish/#publish-as-json"""

from typing import Any

from aggregator.notify.alerts import plain_text, severity, short_key
from aggregator.notify.channels import Delivery
from aggregator.notify.messages import Message
from aggregator.notify.texts import words_of

TAGS = {"bad": "red_circle", "good": "green_circle", "calm": "white_circle"}
PRIORITIES = {"critical": 5, "error": 4, "warning": 4, "info": 3}
MAX_BYTES = 4000
"""ntfy makes an attachment of a message from 4096 bytes on."""


def publication_of(delivery: Delivery, message: Message, topic: str) -> dict[str, Any]:
    """Messages of one conversation replace each other, where the server is new enough for `sequence_id`."""
    words = words_of(message.locale)
    links = ((message.acknowledge, "acknowledge"), (message.link, "open"))
    publication: dict[str, Any] = {
        "topic": topic,
        "title": message.subject[:250],
        "message": plain_text(message, with_links=False).encode()[:MAX_BYTES].decode("utf-8", "ignore"),
        "tags": [TAGS[message.tone]],
        "priority": 1 if delivery.is_quiet else PRIORITIES[severity(delivery, message)],
        "actions": [{"action": "view", "label": words[word], "url": url} for url, word in links if url],
        "sequence_id": short_key(delivery),
    }
    if message.link:
        publication["click"] = message.link
    return publication
