"""Where messages lead: to an incident's page, and to the page on which one person acknowledges."""

import time
from urllib.parse import quote

from aggregator.notify.channels import Delivery
from aggregator.settings import AggregatorSettings
from quivive.signing import sign_token

ACKNOWLEDGE = "acknowledge"
"""The purpose that tokens of these links are signed for; the api reads them."""
GOOD_FOR_S = 7 * 86_400
ACKNOWLEDGEABLE = ("incident.confirmed", "incident.escalated", "incident.target_near", "incident.reminder")


class Links:
    """Links into the web pages; none where nobody said where these are."""

    def __init__(self, settings: AggregatorSettings) -> None:
        self.home = settings.public_url.rstrip("/") if settings.public_url else None
        self._key = settings.link_key.get_secret_value().encode() if settings.link_key else None

    def incident(self, incident: str) -> str | None:
        return f"{self.home}/incidents/{quote(incident, safe='')}" if self.home else None

    def acknowledge(self, delivery: Delivery) -> str | None:
        """Made out to the person that the message is for, else to the channel. It opens a page that asks; opening does nothing."""
        if self.home is None or self._key is None or delivery.incident is None or delivery.kind not in ACKNOWLEDGEABLE:
            return None
        if delivery.payload.get("notice"):  # the customer's own contacts: nobody expects an answer of them
            return None
        fields = {"incident": delivery.incident, "channel": delivery.channel}
        if delivery.person:
            fields["person"] = delivery.person
        return f"{self.home}/acknowledge/{sign_token(self._key, ACKNOWLEDGE, fields, int(time.time()) + GOOD_FOR_S)}"
