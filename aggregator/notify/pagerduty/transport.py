"""Sends events to PagerDuty."""

from aggregator.notify.alerts import alert_action
from aggregator.notify.channels import Delivery
from aggregator.notify.group_messages import compose_delivery
from aggregator.notify.http import Http, body_of, secret_of
from aggregator.notify.links import Links
from aggregator.notify.pagerduty.event import change_of, event_of
from aggregator.settings import AggregatorSettings

SERVERS = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}


class Transport:
    """PagerDuty knows by the dedup key what it has: an event that is sent twice is one alert."""

    def __init__(self, settings: AggregatorSettings) -> None:
        self._links, self._http = Links(settings), Http()
        self._server = settings.pagerduty_url

    async def send(self, delivery: Delivery) -> None:
        """Trigger, acknowledge or resolve. A test leaves no alert behind. Raises DeliveryError."""
        declared = delivery.declared
        server = (self._server or SERVERS[declared.get("region", "us")]).rstrip("/")
        key = secret_of(delivery.contact or declared["routing_key"])
        message = compose_delivery(delivery, self._links)
        if delivery.is_quiet:
            change = change_of(message, key, delivery.payload["time"])
            await self._http.post(f"{server}/v2/change/enqueue", body_of(change), secrets=[key])
            return
        action = alert_action(delivery)
        for each in ("trigger", "resolve") if delivery.kind == "drill" else (action,):
            if each != "nothing":
                event = event_of(delivery, message, each, key)
                await self._http.post(f"{server}/v2/enqueue", body_of(event), secrets=[key])

    async def close(self) -> None:
        await self._http.close()
