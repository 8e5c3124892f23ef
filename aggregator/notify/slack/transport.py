"""Sends messages to Slack."""

from collections.abc import Mapping
from typing import Any

from aggregator.notify.channels import Delivery
from aggregator.notify.errors import PermanentFailure, TemporaryFailure
from aggregator.notify.group_messages import compose_delivery
from aggregator.notify.http import Http, body_of, redact, secret_of
from aggregator.notify.links import Links
from aggregator.notify.slack.blocks import content_of
from aggregator.settings import AggregatorSettings

SERVER = "https://slack.com"
OUR_FAULT = frozenset(
    {
        "msg_too_long",
        "no_text",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_attachments",
        "too_many_attachments",
    }
    | {"msg_blocks_too_long", "invalid_arguments", "invalid_post_type", "user_not_found"}
)
"""What trying again would not change. Everything else is Slack's trouble, or the operator can mend it: a token, an invitation."""
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})


class Transport:
    """With a bot's token a conversation is one message that changes, and a thread below it; a webhook only posts."""

    def __init__(self, settings: AggregatorSettings) -> None:
        self._links, self._http = Links(settings), Http()
        self._api = f"{(settings.slack_url or SERVER).rstrip('/')}/api"

    async def send(self, delivery: Delivery) -> str | None:
        """Post, or change what was posted and say so below it; the receipt is conversation and timestamp. Raises DeliveryError."""
        declared = delivery.declared
        message = compose_delivery(delivery, self._links)
        content = content_of(message, delivery.incident if declared.get("signing_secret") else None)
        if "webhook" in declared:
            await self._post_to_webhook(secret_of(declared["webhook"]), content, is_quiet=delivery.is_quiet)
            return None
        token = secret_of(declared["token"])
        if delivery.is_quiet:
            await self._call("auth.test", token, {})
            return None
        if delivery.receipt is not None and delivery.follows is not None:
            channel, _, timestamp = delivery.receipt.partition(" ")
            if await self._follow_up(delivery, token, channel, timestamp, content):
                return None
        channel = delivery.contact or declared["channel"]
        event = {"event_type": "quivive", "event_payload": {"key": delivery.event_key}}
        answer = await self._call("chat.postMessage", token, {"channel": channel, "metadata": event, **content})
        return f"{answer['channel']} {answer['ts']}"

    async def _follow_up(
        self, delivery: Delivery, token: str, channel: str, timestamp: str, content: Mapping[str, Any]
    ) -> bool:
        """Whether the message was still there. What only adds to it, or ends only a part of it, leaves it as it is."""
        if delivery.kind != "incident.confirmed" and not (
            delivery.kind == "incident.resolved" and delivery.open_incidents
        ):
            changed = {"channel": channel, "ts": timestamp, **content}
            if (await self._call("chat.update", token, changed, accepts=GONE)).get("ok") is not True:
                return False
        reply = {"channel": channel, "thread_ts": timestamp, **content, "reply_broadcast": delivery.kind in LOUD}
        await self._call("chat.postMessage", token, reply)
        return True

    async def _call(
        self, method: str, token: str, arguments: Mapping[str, Any], accepts: frozenset[str] = frozenset()
    ) -> Mapping[str, Any]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}
        answer = await self._http.post(f"{self._api}/{method}", body_of(arguments), headers=headers, secrets=[token])
        content = answer.content
        if not isinstance(content, dict):
            raise TemporaryFailure("Slack's answer is not JSON")
        error = redact(str(content.get("error", "no reason given")), [token])[:200]
        if content.get("ok") is True or error in accepts:
            return content
        if error in OUR_FAULT:
            raise PermanentFailure(f"Slack refused it: {error}")
        raise TemporaryFailure(f"Slack did not take it: {error}")

    async def _post_to_webhook(self, url: str, content: Mapping[str, Any], *, is_quiet: bool) -> None:
        if is_quiet:  # a webhook that is alive complains of an empty message
            await self._http.post(url, b"{}", secrets=[url], accepts=[400])
            return
        await self._http.post(url, body_of(content), secrets=[url])

    async def close(self) -> None:
        await self._http.close()


LOUD = ("incident.escalated", "incident.target_near", "incident.resolved")
"""Replies that are shown in the channel, too."""
