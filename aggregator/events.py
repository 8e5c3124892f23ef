"""Publishes transitions on the bus for watchers, once they are committed."""

import asyncio
from collections.abc import Callable

import structlog
from google.protobuf.timestamp_pb2 import Timestamp
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from aggregator.decide.policy import Policy
from aggregator.decide.transitions import (
    IncidentConfirmed,
    IncidentReopened,
    IncidentResolved,
    StateChanged,
    Transition,
)
from quivive import subjects
from quivive.v1 import bus_pb2, outcome_pb2

log = structlog.get_logger(__name__)

MOST_WAITING = 10_000
"""Events that wait for a broker that is away; watchers miss what is beyond."""
RETRY_S = 0.5


def event_of(transition: Transition, policy: Policy) -> bus_pb2.Event | None:
    """What watchers are told, or None when it is none of their business."""
    event = bus_pb2.Event(site=f"sites/{policy.site}", check=policy.name)
    match transition:
        case StateChanged(at_us=at_us, state=state, incident=incident):
            event.kind = "state.changed"
            event.key = f"state.changed/{transition.check}/{at_us}/{state.name}"
            event.state = outcome_pb2.State.ValueType(state)
        case IncidentConfirmed(incident=incident, confirm_us=at_us, cause=cause):
            event.kind = "incident.confirmed"
            event.key = f"incident.confirmed/{incident}"
            event.cause = outcome_pb2.Cause.ValueType(cause)
            event.state = outcome_pb2.STATE_DOWN
        case IncidentReopened(incident=incident, at_us=at_us):
            event.kind = "incident.reopened"
            event.key = f"incident.reopened/{incident}/{at_us}"
            event.state = outcome_pb2.STATE_DOWN
        case IncidentResolved(incident=incident, resolve_us=at_us):
            event.kind = "incident.resolved"
            event.key = f"incident.resolved/{incident}/{at_us}"
        case _:
            return None
    event.time.CopyFrom(_timestamp(at_us))
    if incident:
        event.incident = f"incidents/{incident}"
    return event


class Events:
    """Hands events to the broker in their order, in its own task, so that nobody waits for it."""

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js
        self._waiting: asyncio.Queue[bus_pb2.Event] = asyncio.Queue(MOST_WAITING)

    def tell(self, transitions: list[Transition], policy_of: Callable[[int], Policy | None]) -> None:
        """Queue what watchers should know."""
        for transition in transitions:
            policy = policy_of(transition.check)
            event = event_of(transition, policy) if policy is not None else None
            if event is None:
                continue
            try:
                self._waiting.put_nowait(event)
            except asyncio.QueueFull:
                log.warning("event.dropped", key=event.key)

    async def publish(self) -> None:
        """For as long as the task lives; the broker drops what it gets twice."""
        while True:
            event = await self._waiting.get()
            subject = subjects.events(event.kind, event.site.removeprefix("sites/"))
            while True:
                try:
                    await self._js.publish(subject, event.SerializeToString(), headers={"Nats-Msg-Id": event.key})
                    break
                except (NatsError, TimeoutError):
                    await asyncio.sleep(RETRY_S)


def _timestamp(us: int) -> Timestamp:
    moment = Timestamp()
    moment.FromMicroseconds(us)
    return moment
