"""Slack's interactivity: who signed it, and which button was pressed.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hmac
import json
from dataclasses import dataclass
from urllib.parse import parse_qs

WINDOW_S = 300
"""How old a request may be: an older one may be a replay."""


@dataclass(frozen=True, slots=True)
class Press:
    """Somebody pressed our button."""

    incident: str
    user: str
    """Slack's id of the user."""
    name: str


def is_signed(secret: bytes, body: bytes, timestamp: str, header: str, now_s: float) -> bool:
    """Whether Slack signed it, just now."""
    if not timestamp.isascii() or not timestamp.isdecimal() or abs(now_s - int(timestamp[:12])) > WINDOW_S:
        return False
    expected = "v0=" + hmac.digest(secret, f"v0:{timestamp}:".encode() + body, "sha256").hex()
    return header.isascii() and hmac.compare_digest(expected, header)


def read_press(body: bytes) -> Press | None:
    """The press on `acknowledge`; None for every other one. ValueError when it is no interaction."""
    try:
        form = parse_qs(body.decode("utf-8"), max_num_fields=20)
        payload = json.loads(form["payload"][0])
        if payload["type"] != "block_actions":
            return None
        user = payload["user"]
        for action in payload["actions"]:
            if action["action_id"] == "acknowledge":
                name = user.get("name") or user.get("username") or user["id"]
                return Press(str(action["value"])[:200], str(user["id"])[:100], str(name)[:100])
    except (KeyError, TypeError, IndexError, AttributeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not an interaction of Slack: {type(error).__name__}") from None
    return None
