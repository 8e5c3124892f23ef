"""The types of channels: every package in this folder with a module `transport` is one, under its own name."""

import pkgutil
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import aggregator.notify
from aggregator.settings import AggregatorSettings


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of the outbox that is ours to send."""

    outbox_id: int
    event_key: str
    kind: str
    incident: str | None
    payload: Mapping[str, Any]
    attempts: int
    """This one included."""
    age_s: float
    """Since it was put into the outbox."""
    channel: str
    channel_type: str
    declared: Mapping[str, Any]
    """The channel as it was configured."""
    is_deleted: bool
    """The channel was removed since."""
    explained_by: str | None = None
    """What explains the incident's group, such as "address 192.0.2.7:443"."""
    follows: str | None = None
    """The event key of the message that this one follows up."""
    others: tuple[Mapping[str, Any], ...] = ()
    """Payloads of other incidents of the group, told with this one."""


class Transport(Protocol):
    """Sends to the channels of one type. Its class is named `Transport` and takes the settings."""

    async def send(self, delivery: Delivery) -> None:
        """Hand the message over. Raises DeliveryError."""

    async def close(self) -> None:
        """Give back what it holds."""


@asynccontextmanager
async def open_all(settings: AggregatorSettings) -> AsyncIterator[Mapping[str, Transport]]:
    """A transport per type of channel."""
    async with AsyncExitStack() as stack:
        transports: dict[str, Transport] = {}
        for module in pkgutil.iter_modules(aggregator.notify.__path__):
            if module.ispkg:
                package = import_module(f"aggregator.notify.{module.name}.transport")
                transports[module.name] = package.Transport(settings)
                stack.push_async_callback(transports[module.name].close)
        yield transports
