"""What a webhook gets."""

import hashlib
import hmac
import json

from deliveries import delivery, settings

from aggregator.notify.channels import Delivery
from aggregator.notify.group_messages import compose_delivery
from aggregator.notify.links import Links
from aggregator.notify.webhook.templates.quivive import document_of
from quivive.signing import signature


def document(made: Delivery) -> dict[str, object]:
    content: dict[str, object] = json.loads(json.dumps(document_of(made, compose_delivery(made, Links(settings())))))
    return content


def incident(made: Delivery) -> dict[str, object]:
    found = document(made)["incident"]
    assert isinstance(found, dict)
    return found


def test_an_incident_has_names_in_place_of_numbers() -> None:
    assert document(delivery("webhook"))["kind"] == "incident.confirmed"
    found = incident(delivery("webhook"))
    assert (found["cause"], found["responsibility"], found["state"]) == ("HTTP_STATUS_5XX", "HOST", "OPEN")
    assert found["name"] == "incidents/20260301-abcdefgh"
    assert found["check"] == "sites/martin-www/checks/http"
    assert found["link"] == "https://status.agency.example/incidents/20260301-abcdefgh"


def test_it_carries_what_the_verdict_rests_on_and_until_when_it_wants_an_answer() -> None:
    found = incident(delivery("webhook"))
    assert [vote["region"] for vote in found["votes"]] == ["ap-south", "eu-west", "us-east"]  # type: ignore[attr-defined]
    assert found["evidence"][0]["cause"] == "HTTP_STATUS_5XX"  # type: ignore[index]
    assert found["respond_by"] == "2026-03-01T09:30:06+00:00"
    assert str(found["acknowledge_link"]).startswith("https://status.agency.example/acknowledge/")


def test_its_end_says_so() -> None:
    found = incident(delivery("webhook", "incident.resolved"))
    assert (found["state"], found["close_reason"]) == ("RESOLVED", "recovered")


def test_the_signature_covers_timestamp_and_body() -> None:
    expected = hmac.new(b"key", b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
    assert signature(b"key", 1_700_000_000, b'{"a":1}') == f"sha256={expected}"
