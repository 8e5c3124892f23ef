"""Posts signed JSON."""

import time

from aggregator.notify.channels import Delivery
from aggregator.notify.errors import TemporaryFailure
from aggregator.notify.group_messages import compose_delivery
from aggregator.notify.http import Http, body_of, secret_of
from aggregator.notify.links import Links
from aggregator.notify.webhook.templates import Template, grafana_irm, helpscout, quivive, zendesk
from aggregator.settings import AggregatorSettings
from quivive.named_secrets import NoSecret, any_secret
from quivive.signing import signature

TEMPLATES: dict[str, Template] = {
    "quivive": quivive.TEMPLATE,
    "zendesk": zendesk.TEMPLATE,
    "helpscout": helpscout.TEMPLATE,
    "grafana_irm": grafana_irm.TEMPLATE,
}


class Transport:
    """The receiver is the operator's choice: no target is refused. Any 2xx is a yes, redirects are not followed."""

    def __init__(self, settings: AggregatorSettings) -> None:
        self._links, self._http = Links(settings), Http()

    async def send(self, delivery: Delivery) -> str | None:
        """Post what the channel's template makes of it, signed. Raises DeliveryError."""
        declared = delivery.declared
        try:
            secret = any_secret(declared["secret"])
        except NoSecret as error:
            raise TemporaryFailure(str(error)) from None
        authorization = secret_of(declared["authorization"]) if "authorization" in declared else ""
        template = TEMPLATES[declared.get("template", "quivive")]
        if delivery.is_quiet and template is not quivive.TEMPLATE:
            return None  # a ticket a day is not quiet
        receipt: str | None = None
        for number, request in enumerate(template.requests(delivery, compose_delivery(delivery, self._links))):
            body = body_of(request.document)
            timestamp = int(time.time())
            headers = {
                "X-Quivive-Timestamp": str(timestamp),
                "X-Quivive-Signature": signature(secret.encode(), timestamp, body),
                "Idempotency-Key": f"{delivery.event_key}/{delivery.addressee}" + (f"/{number}" if number else ""),
            }
            if authorization:
                headers["Authorization"] = authorization
            answer = await self._http.post(
                declared["url"] + request.path,
                body,
                headers=headers,
                secrets=[secret, authorization, *authorization.split()],
                method=request.method,
            )
            receipt = receipt or template.receipt(answer)
        return receipt

    async def close(self) -> None:
        await self._http.close()
