"""Sends cards to Microsoft Teams."""

from urllib.parse import urlsplit

from aggregator.notify.channels import Delivery
from aggregator.notify.errors import TemporaryFailure
from aggregator.notify.group_messages import compose_delivery
from aggregator.notify.http import Http, body_of, redact, secret_of
from aggregator.notify.links import Links
from aggregator.notify.teams.card import envelope_of
from aggregator.settings import AggregatorSettings


class Transport:
    """A workflow has no way to change what it posted: each message is a card of its own."""

    def __init__(self, settings: AggregatorSettings) -> None:
        self._links, self._http = Links(settings), Http()

    async def send(self, delivery: Delivery) -> None:
        """Post a card. Raises DeliveryError."""
        url = secret_of(delivery.contact or delivery.declared["webhook"])
        if delivery.is_quiet:  # whatever is posted is shown: only see that somebody is there
            parts = urlsplit(url)
            root = f"{parts.scheme}://{parts.netloc}/"
            await self._http.post(root, b"", method="GET", secrets=[url], accepts=range(200, 500))
            return
        envelope = envelope_of(compose_delivery(delivery, self._links))
        answer = await self._http.post(url, body_of(envelope), secrets=[url])
        if "failed" in answer.text.lower() and answer.status == 200:  # connectors say so with a success
            raise TemporaryFailure(f"Teams answered: {redact(answer.text, [url])[:200]}")

    async def close(self) -> None:
        await self._http.close()
