"""Deliveries as the outbox hands them out, made by hand."""

from dataclasses import replace
from typing import Any

from aggregator.notify.channels import Delivery
from aggregator.notify.testimony import Testimony
from aggregator.settings import AggregatorSettings
from quivive.domain.words import Cause

INCIDENT = "20260301-abcdefgh"
LINK_KEY = "a key that signs links"
PAYLOAD: dict[str, Any] = {
    "incident": INCIDENT,
    "site": "martin-www",
    "check": "http",
    "url": "https://www.boulangerie-martin.example/",
    "customer": "martin",
    "customer_title": "Boulangerie Martin & Fils",
    "timezone": "Europe/Paris",
    "cause": int(Cause.HTTP_STATUS_5XX),
    "responsibility": 1,
    "detail": "HTTP 503 from 192.0.2.7:443",
    "regions": ["eu-west", "us-east"],
    "simulated": False,
    "start_time": "2026-03-01T09:00:00+00:00",
    "confirm_time": "2026-03-01T09:00:06.200000+00:00",
    "respond_by": "2026-03-01T09:30:06+00:00",
    "severity": "critical",
}
RESOLVED = {**PAYLOAD, "resolve_time": "2026-03-01T09:12:40+00:00", "close_reason": "recovered"}
ACKNOWLEDGED = {
    **PAYLOAD,
    "person": "alice",
    "person_name": "Alice Martin",
    "acknowledge_time": "2026-03-01T09:02:00+00:00",
}
TESTIMONY = Testimony(
    votes=(
        {"region": "ap-south", "standing": "stale", "up": True},
        {"region": "eu-west", "standing": "counted", "up": False, "failing": [{"cause": 41}]},
        {"region": "us-east", "standing": "counted", "up": False, "failing": [{"cause": 41}]},
    ),
    evidence=(
        {
            "region": "eu-west",
            "time": "2026-03-01T09:00:03.1+00:00",
            "cause": 41,
            "detail": "HTTP 503 from 192.0.2.7:443",
        },
        {
            "region": "us-east",
            "time": "2026-03-01T09:00:06.2+00:00",
            "cause": 41,
            "detail": "HTTP 503 from 192.0.2.8:443",
        },
    ),
)
_PAYLOADS = {"incident.resolved": RESOLVED, "incident.acknowledged": ACKNOWLEDGED}


def settings(**values: Any) -> AggregatorSettings:
    """An aggregator's, that knows where the web pages are and signs links."""
    known = {
        "database_url": "postgresql://nowhere",
        "public_url": "https://status.agency.example",
        "link_key": LINK_KEY,
    }
    return AggregatorSettings(**{**known, **values})


def delivery(type_: str, kind: str = "incident.confirmed", **fields: Any) -> Delivery:
    """News of the one incident for a channel of this type; what is not a field of Delivery is declared of the channel."""
    known = Delivery.__dataclass_fields__.keys() - {"channel"}  # of Slack's channels that is the conversation
    own = {name: fields.pop(name) for name in list(fields) if name in known}
    payload = _PAYLOADS.get(kind, PAYLOAD)
    if kind == "drill":
        payload = {"channel": "oncall", "time": "2026-03-01T09:00:00Z"}
    made = Delivery(
        outbox_id=1,
        event_key=f"{kind}/{INCIDENT}",
        kind=kind,
        incident=None if kind == "drill" else INCIDENT,
        payload=payload,
        attempts=1,
        age_s=0.1,
        channel="oncall",
        channel_type=type_,
        declared={"id": "oncall", "type": type_, **fields},
        is_deleted=False,
        testimony=TESTIMONY if kind.startswith("incident.") else Testimony(),
        follows=None if kind in ("incident.confirmed", "drill") else f"incident.confirmed/{INCIDENT}",
    )
    return replace(made, **own)
