"""A message as an Adaptive Card. https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using"""

from typing import Any

from aggregator.notify.alerts import clip
from aggregator.notify.messages import Message
from aggregator.notify.texts import words_of

STYLES = {"bad": "attention", "good": "good", "calm": "default"}
MOST_FACTS = 50


def envelope_of(message: Message) -> dict[str, Any]:
    """What a workflow `When a Teams webhook request is received` takes; at most 28 KB."""
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": _card(message),
    }
    return {"type": "message", "attachments": [attachment]}


def _card(message: Message) -> dict[str, Any]:
    words = words_of(message.locale)
    facts = [
        {"title": clip(plain(label), 80), "value": clip(plain(value), 200)}
        for label, value in message.facts[:MOST_FACTS]
    ]
    votes = [{"title": clip(region, 80), "value": clip(plain(vote), 200)} for region, vote in message.votes[:20]]
    header = {
        "type": "TextBlock",
        "text": clip(plain(message.subject), 300),
        "weight": "bolder",
        "size": "medium",
        "wrap": True,
    }
    body: list[dict[str, Any]] = [
        {"type": "Container", "style": STYLES[message.tone], "bleed": True, "items": [header]},
        {"type": "TextBlock", "text": clip(plain(message.sentence), 1000), "wrap": True},
        {"type": "FactSet", "facts": facts},
    ]
    if votes:
        body.append({"type": "FactSet", "facts": votes, "separator": True})
    body += [
        {"type": "TextBlock", "text": clip(plain(line), 300), "wrap": True, "isSubtle": True, "size": "small"}
        for line in message.evidence[:6]
    ]
    links = ((message.acknowledge, "acknowledge"), (message.link, "open"))
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": clip(message.subject, 300),
        "msteams": {"width": "Full"},
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": words[word], "url": url} for url, word in links if url],
    }


def plain(text: str) -> str:
    """Cards read Markdown: what a site is called must not become a link."""
    for character in "\\`*_[]":
        text = text.replace(character, f"\\{character}")
    return text
