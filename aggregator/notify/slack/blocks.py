"""A message as Slack's blocks. https://docs.slack.dev/reference/block-kit/blocks"""

from typing import Any

from aggregator.notify.alerts import clip
from aggregator.notify.messages import Message
from aggregator.notify.texts import words_of

COLOURS = {"bad": "#c62f2f", "good": "#23844b", "calm": "#5b6770"}
MARKS = {"bad": "🔴", "good": "🟢", "calm": "⚪"}
MOST_FACTS = 40


def content_of(message: Message, button_value: str | None) -> dict[str, Any]:
    """Text for notifications, blocks for people. `button_value`: where Slack tells us of presses, what the button says then."""
    mark = MARKS[message.tone]
    return {
        "text": clip(escape(f"{mark} {message.subject}"), 3000),
        "attachments": [{"color": COLOURS[message.tone], "blocks": _blocks(message, button_value)}],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _blocks(message: Message, button_value: str | None) -> list[dict[str, Any]]:
    words = words_of(message.locale)
    blocks = [_section(f"*{escape(message.subject)}*\n{escape(message.sentence)}")]
    pairs = [f"*{escape(label)}*\n{escape(value)}" for label, value in message.facts[:MOST_FACTS]]
    blocks += [
        {"type": "section", "fields": [_mrkdwn(text, 2000) for text in pairs[start : start + 10]]}
        for start in range(0, len(pairs), 10)
    ]
    if message.votes:
        votes = "   ".join(f"*{escape(region)}* {escape(vote)}" for region, vote in message.votes)
        blocks.append({"type": "context", "elements": [_mrkdwn(votes, 2000)]})
    if message.evidence:
        blocks.append(_section("```" + escape("\n".join(message.evidence)).replace("```", "'''")[:2800] + "```"))
    buttons = []
    if button_value and message.acknowledge:
        buttons.append(
            {**_button(words["acknowledge"]), "style": "primary", "action_id": "acknowledge", "value": button_value}
        )
    elif message.acknowledge:
        button = _button(words["acknowledge"])
        buttons.append({**button, "style": "primary", "action_id": "acknowledge_link", "url": message.acknowledge})
    if message.link:
        buttons.append({**_button(words["open"]), "action_id": "open", "url": message.link})
    if buttons:
        blocks.append({"type": "actions", "elements": buttons})
    return blocks


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text, 3000)}


def _mrkdwn(text: str, most: int) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": clip(text, most)}


def _button(text: str) -> dict[str, Any]:
    return {"type": "button", "text": {"type": "plain_text", "text": clip(text, 75)}}


def escape(text: str) -> str:
    """Slack's three characters; also keeps a site's name from mentioning a whole channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
