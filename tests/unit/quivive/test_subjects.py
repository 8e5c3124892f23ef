"""Names on the bus: what one side publishes, the other's wildcard catches."""

from quivive import subjects


def test_results_name_their_shard_and_region() -> None:
    assert subjects.results(3, "eu-west") == "quivive.results.3.eu-west"


def test_an_events_kind_is_one_token_of_its_subject() -> None:
    subject = subjects.events("incident.confirmed", "martin-www")
    assert subject == "quivive.events.incident-confirmed.martin-www"
    assert len(subject.split(".")) == len(["quivive", "events", "*", "*"])


def test_keys_lead_with_what_readers_select_by() -> None:
    assert subjects.check_key(17, 42) == "17.42"
    assert subjects.presence_key("eu-west", "agent-1") == "eu-west.agent-1"
    assert subjects.confirm("eu-west") == "quivive.confirm.eu-west"
