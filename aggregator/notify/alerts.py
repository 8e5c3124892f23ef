"""Messages as alerts of on-call services: one alert for each conversation, which is triggered, acknowledged and resolved."""

from hashlib import blake2b
from typing import Literal

from aggregator.notify.channels import Delivery
from aggregator.notify.messages import Message

Action = Literal["trigger", "acknowledge", "resolve", "nothing"]


def alert_key(delivery: Delivery) -> str:
    """The same for all messages of one outage, or of one group; a region's ends are its beginnings' too."""
    match delivery.kind:
        case "region.blind" | "region.sighted":
            return f"region/{delivery.payload['region']}"
        case "data.incomplete" | "data.complete":
            return "data"
        case _:
            return delivery.thread


def short_key(delivery: Delivery) -> str:
    """The same in 40 letters, digits and hyphens, where keys are short or stand in addresses."""
    return f"quivive-{blake2b(alert_key(delivery).encode(), digest_size=16).hexdigest()}"


def alert_action(delivery: Delivery) -> Action:
    """A group's alert is resolved with its last incident."""
    match delivery.kind:
        case "incident.acknowledged":
            return "acknowledge"
        case "incident.resolved":
            return "nothing" if delivery.open_incidents else "resolve"
        case "region.sighted" | "data.complete":
            return "resolve"
        case _:
            return "trigger"


def severity(delivery: Delivery, message: Message) -> Literal["critical", "error", "warning", "info"]:
    """As on-call services grade it: by what the payload says, else an outage is critical and other bad news a warning."""
    match delivery.payload.get("severity"):
        case "critical":
            return "critical"
        case "major":
            return "error"
        case "minor":
            return "warning"
    if message.tone == "bad":
        return "critical" if delivery.kind.startswith("incident.") else "warning"
    return "info"


def plain_text(message: Message, *, with_links: bool = True, most: int = 15_000) -> str:
    """All of it as lines."""
    colon = " :" if message.locale == "fr" else ":"
    lines = [message.sentence, "", *(f"{label}{colon} {value}" for label, value in message.facts)]
    if message.votes:
        lines += ["", *(f"{region}{colon} {vote}" for region, vote in message.votes)]
    if message.evidence:
        lines += ["", *message.evidence]
    if with_links and message.link:
        lines += ["", message.link]
    return clip("\n".join(lines).rstrip(), most)


def clip(text: str, most: int) -> str:
    """At most so many characters, the last of them an ellipsis where something is missing."""
    return text if len(text) <= most else text[: most - 1] + "…"
