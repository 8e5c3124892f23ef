"""Publishes on an ntfy server."""

import re

from aggregator.notify.channels import Delivery
from aggregator.notify.errors import PermanentFailure
from aggregator.notify.group_messages import compose_delivery
from aggregator.notify.http import Http, body_of, secret_of
from aggregator.notify.links import Links
from aggregator.notify.ntfy.publication import publication_of
from aggregator.settings import AggregatorSettings

_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Transport:
    """The daily drill has the lowest priority: no sound, and folded away."""

    def __init__(self, settings: AggregatorSettings) -> None:
        self._links, self._http = Links(settings), Http()

    async def send(self, delivery: Delivery) -> None:
        """Publish on the channel's topic, or on the person's own. Raises DeliveryError."""
        declared = delivery.declared
        topic = delivery.contact or declared["topic"]
        if not _TOPIC.fullmatch(topic):
            raise PermanentFailure("the person's contact is not a topic of ntfy")
        token = secret_of(declared["token"]) if "token" in declared else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        publication = publication_of(delivery, compose_delivery(delivery, self._links), topic)
        server = declared.get("server", "https://ntfy.sh")
        await self._http.post(server, body_of(publication), headers=headers, secrets=[token])

    async def close(self) -> None:
        await self._http.close()
