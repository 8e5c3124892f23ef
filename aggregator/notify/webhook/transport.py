"""Posts signed JSON."""

import os
import time

import httpx

from aggregator.notify.channels import Delivery
from aggregator.notify.errors import PermanentFailure, TemporaryFailure
from aggregator.notify.webhook.body import body_of_delivery
from aggregator.settings import AggregatorSettings
from quivive import __version__
from quivive.signing import signature

TIMEOUT_S = 10.0
TRY_AGAIN = (408, 425, 429)
"""Refusals that are only for now."""


class Transport:
    """One client for all webhooks. The receiver is the operator's choice: no target is refused."""

    def __init__(self, settings: AggregatorSettings) -> None:
        self._public_url = settings.public_url
        self._client = httpx.AsyncClient(
            timeout=TIMEOUT_S, trust_env=False, headers={"User-Agent": f"Quivive/{__version__}"}
        )

    async def send(self, delivery: Delivery) -> None:
        """Post it; any 2xx is a yes, redirects are not followed. Raises DeliveryError."""
        name = delivery.declared["secret"]
        secret = os.environ.get(name)
        if not secret:
            raise TemporaryFailure(f"the environment variable {name} is not set")
        body = body_of_delivery(delivery, self._public_url)
        timestamp = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "X-Quivive-Timestamp": str(timestamp),
            "X-Quivive-Signature": signature(secret.encode(), timestamp, body),
            "Idempotency-Key": f"{delivery.event_key}/{delivery.channel}",
        }
        try:
            async with self._client.stream("POST", delivery.declared["url"], content=body, headers=headers) as response:
                status = response.status_code
        except httpx.InvalidURL as error:
            raise PermanentFailure(str(error)) from None
        except httpx.HTTPError as error:
            raise TemporaryFailure(f"{type(error).__name__}: {error}") from None
        if 200 <= status < 300:
            return
        if status >= 500 or status in TRY_AGAIN:
            raise TemporaryFailure(f"the receiver answered {status}")
        raise PermanentFailure(f"the receiver answered {status}")

    async def close(self) -> None:
        await self._client.aclose()
