"""What an entry of the evidence log says. A subject is one thing that entries are about; a later one revises an earlier one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from quivive.domain.times import to_us
from quivive.domain.words import Cause, Responsibility, State
from quivive.evidence.chain import Content

INTERVAL, REVISED, WITHDRAWN = "interval", "interval.revised", "interval.withdrawn"


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed interval as it is now; `end` and what follows are None when it is there no more."""

    check: int
    start: datetime
    customer: str
    site: str
    check_name: str
    critical: bool
    end: datetime | None
    state: int | None
    reason: str | None
    incident: str | None

    @property
    def subject(self) -> str:
        return f"interval/{self.check}/{to_us(self.start)}"


@dataclass(frozen=True, slots=True)
class Event:
    """An incident's event, with the incident as it is now; the last four are set for a correction."""

    subject: str
    customer: str
    time: datetime
    kind: str
    detail: str
    incident: str
    site: str
    check_name: str
    start: datetime
    confirm: datetime
    page: datetime | None
    acknowledge: datetime | None
    resolve: datetime | None
    cause: int
    responsibility: int
    regions: list[str]
    incident_detail: str
    retroactive: bool
    simulated: bool
    author: str | None
    reason: str | None
    counted: bool | None
    corrected_responsibility: int | None


def interval(closed: Closed, newest: Content | None) -> Content | None:
    """What there is to say of an interval after `newest`, the last entry on it; None when that still holds."""
    if closed.end is None or closed.state is None:
        if newest is None or newest["kind"] == WITHDRAWN:
            return None
        return {**newest, "kind": WITHDRAWN}
    said = {
        "site": f"sites/{closed.site}",
        "check": f"sites/{closed.site}/checks/{closed.check_name}",
        "check_id": str(closed.check),
        "critical": closed.critical,
        "start_time": time_text(closed.start),
        "end_time": time_text(closed.end),
        "state": State(closed.state).name,
        "reason": closed.reason,
        "incident": None if closed.incident is None else f"incidents/{closed.incident}",
    }
    if newest is None:
        return {**said, "kind": INTERVAL}
    revised = {**said, "kind": REVISED}
    return None if newest["kind"] != WITHDRAWN and {**newest, "kind": REVISED} == revised else revised


def event(event: Event) -> Content:
    """What happened, and the incident as it was known when this was sealed."""
    said: dict[str, Any] = {
        "kind": f"incident.{event.kind}",
        "key": event.subject,
        "time": time_text(event.time),
        "detail": event.detail,
        "incident": {
            "name": f"incidents/{event.incident}",
            "site": f"sites/{event.site}",
            "check": f"sites/{event.site}/checks/{event.check_name}",
            "start_time": time_text(event.start),
            "confirm_time": time_text(event.confirm),
            "page_time": _optional(event.page),
            "acknowledge_time": _optional(event.acknowledge),
            "resolve_time": _optional(event.resolve),
            "cause": Cause(event.cause).name,
            "responsibility": Responsibility(event.responsibility).name,
            "regions": event.regions,
            "detail": event.incident_detail,
            "retroactive": event.retroactive,
            "simulated": event.simulated,
        },
    }
    if event.author is not None:
        corrected = event.corrected_responsibility
        said["correction"] = {
            "author": event.author,
            "reason": event.reason,
            "counted": event.counted,
            "responsibility": None if corrected is None else Responsibility(corrected).name,
        }
    return said


def erasure(erased: Mapping[str, str]) -> Content:
    """Who erased the customer, when and why; of the customer it says nothing."""
    return {
        "kind": "customer.erased",
        "time": time_text(datetime.fromisoformat(erased["time"])),
        "author": erased["author"],
        "reason": erased["reason"],
    }


def time_text(moment: datetime) -> str:
    """ISO 8601 in UTC with all six digits."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _optional(moment: datetime | None) -> str | None:
    return None if moment is None else time_text(moment)
