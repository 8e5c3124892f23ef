"""The types of channels: every package in this folder with a module `transport` is one, under its own name."""

import pkgutil
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import aggregator.notify
from aggregator.notify.testimony import NOTHING_SEEN, Testimony
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
    receipt: str | None = None
    """What the transport answered when it sent the message that this one follows up: how the receiver calls it."""
    testimony: Testimony = NOTHING_SEEN
    """Votes and evidence."""
    open_incidents: int = 0
    """Of the incident's group, or the incident itself: how many are not over. While there are, a receiver's alert stays open."""
    person: str | None = None
    """The one it is for: links that acknowledge are made out to this person. None where a channel is shared."""
    person_name: str | None = None
    contact: str | None = None
    """The person's own address on this type of channel: an e-mail address, a Slack member, an ntfy topic, a telephone number."""
    locale: str | None = None
    """The person's language; else the channel's, else English."""

    @property
    def thread(self) -> str:
        """The event key of the first message of the conversation that this one belongs to."""
        return self.follows or self.event_key

    @property
    def is_quiet(self) -> bool:
        """A drill that goes as far as it can without being seen by anybody, as the daily one; else it is shown."""
        return self.kind == "drill" and bool(self.payload.get("quiet"))

    @property
    def language(self) -> str:
        return self.locale or str(self.declared.get("locale", "en"))

    @property
    def addressee(self) -> str:
        """The channel, and on it the person: what makes two messages of the same event different ones."""
        return f"{self.channel}/{self.person}" if self.person else self.channel


class Transport(Protocol):
    """Sends to the channels of one type. Its class is named `Transport` and takes the settings."""

    async def send(self, delivery: Delivery) -> str | None:
        """Hand the message over; how the receiver calls it, where it says so (at most 500 characters). Raises DeliveryError."""

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
