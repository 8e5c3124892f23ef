"""What a webhook gets."""

import hashlib
import hmac
import json

from aggregator.notify.webhook.body import body_of
from quivive.signing import signature

INCIDENT = {
    "incident": "20260301-abcdefgh",
    "site": "martin-www",
    "check": "http",
    "url": "https://martin.example/",
    "customer": "martin",
    "customer_title": "Martin",
    "timezone": "UTC",
    "cause": 20,
    "responsibility": 1,
    "detail": "connection refused",
    "regions": ["eu-west"],
    "simulated": False,
    "start_time": "2026-03-01T09:00:00+00:00",
    "confirm_time": "2026-03-01T09:00:03+00:00",
}


def test_an_incident_has_names_in_place_of_numbers() -> None:
    document = json.loads(body_of("incident.confirmed/1", "incident.confirmed", INCIDENT, "https://q.example"))
    assert document["kind"] == "incident.confirmed"
    incident = document["incident"]
    assert (incident["cause"], incident["responsibility"], incident["state"]) == ("TCP_REFUSED", "HOST", "OPEN")
    assert incident["name"] == "incidents/20260301-abcdefgh"
    assert incident["check"] == "sites/martin-www/checks/http"
    assert incident["link"] == "https://q.example/incidents/20260301-abcdefgh"


def test_its_end_says_so() -> None:
    payload = {**INCIDENT, "resolve_time": "2026-03-01T09:05:00+00:00", "close_reason": "recovered"}
    incident = json.loads(body_of("incident.resolved/1", "incident.resolved", payload, None))["incident"]
    assert (incident["state"], incident["close_reason"]) == ("RESOLVED", "recovered")


def test_the_signature_covers_timestamp_and_body() -> None:
    expected = hmac.new(b"key", b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
    assert signature(b"key", 1_700_000_000, b'{"a":1}') == f"sha256={expected}"
