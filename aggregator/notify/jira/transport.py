"""Sends alerts to Jira Service Management."""

from aggregator.notify.alerts import alert_action, short_key
from aggregator.notify.channels import Delivery
from aggregator.notify.group_messages import compose_delivery
from aggregator.notify.http import Http, body_of, secret_of
from aggregator.notify.jira.alert import alert_of, note_of
from aggregator.notify.links import Links
from aggregator.settings import AggregatorSettings

SERVER = "https://api.atlassian.com"
VERBS = {"acknowledge": "acknowledge", "resolve": "close"}


class Transport:
    """Jira knows by the alias what it has: an alert that is created twice is one."""

    def __init__(self, settings: AggregatorSettings) -> None:
        self._links, self._http = Links(settings), Http()
        self._alerts = f"{(settings.jira_url or SERVER).rstrip('/')}/jsm/ops/integration/v2/alerts"

    async def send(self, delivery: Delivery) -> None:
        """Create, acknowledge or close. A test leaves no open alert behind. Raises DeliveryError."""
        key = secret_of(delivery.contact or delivery.declared["api_key"])
        headers = {"Authorization": f"GenieKey {key}"}
        if delivery.is_quiet:  # is the key good, and are we heard
            await self._http.post(f"{self._alerts}?limit=1", b"", headers=headers, secrets=[key], method="GET")
            return
        message = compose_delivery(delivery, self._links)
        action = alert_action(delivery)
        for each in ("trigger", "resolve") if delivery.kind == "drill" else (action,):
            if each == "trigger":
                await self._http.post(
                    self._alerts, body_of(alert_of(delivery, message)), headers=headers, secrets=[key]
                )
            elif each != "nothing":
                url = f"{self._alerts}/{short_key(delivery)}/{VERBS[each]}?identifierType=alias"
                await self._http.post(url, body_of(note_of(message)), headers=headers, secrets=[key])

    async def close(self) -> None:
        await self._http.close()
