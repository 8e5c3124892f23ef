"""People, schedules, policies and silences as they are declared: what is read, what is refused and how it is said."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from quivive.configuration import ConfigurationError, canonical_json, load, parse_json
from quivive.configuration.references import undeclared
from quivive.configuration.validate import validate

PAGING = """
people:
  - {id: alice, name: Alice Martin, email: alice@agency.example, phone: +33 6 12 34 56 78, locale: fr, timezone: Europe/Paris}
  - {id: bob, name: Bob, email: bob@agency.example, contacts: {slack: U0123}, quiet_hours: MON-SUN 00:00-07:00}
schedules:
  - id: primary
    timezone: Europe/Paris
    layers:
      - {rotation: [alice, bob], shift: weekly, handover: MON 09:00, start: 2026-01-05, hours: MON-FRI 08:00-20:00}
      - {rotation: [bob], shift: 12h}
    overrides:
      - {person: bob, start: "2026-02-02T09:00:00+01:00", end: "2026-02-03T09:00:00+01:00"}
escalation_policies:
  - id: critical
    steps:
      - {schedule: primary, channels: [mail]}
      - {wait: 10min, everybody: true, severities: [critical]}
    repeat: 2
    fallback: {channel: mail}
    before_missed: {person: alice}
channels:
  - {id: mail, type: email, to: [oncall@agency.example]}
customers:
  - id: martin
    name: Martin
    plan: premium
    escalation_policy: critical
    contacts: [{email: paul@martin.example, name: Paul}]
plans:
  - id: shop
    title: Shop
    interval: 1min
    response_target: 1h
    channels: [email]
    escalation_policy: critical
    paging:
      - {causes: [CONTENT_MAINTENANCE_MODE], page_after: 10min, severity: minor}
      - {responsibilities: [CUSTOMER], severity: major}
silences:
  - {id: move, customers: [martin], start: "2026-03-01T22:00:00Z", end: "2026-03-02T02:00:00Z", reason: The shop moves}
"""


def test_everything_about_paging_is_read_and_survives_the_way_to_the_server(tmp_path: Path) -> None:
    file = tmp_path / "paging.yaml"
    file.write_text(PAGING)
    loaded = load(file)
    assert undeclared(loaded) == []
    configuration = loaded.configuration
    assert parse_json(canonical_json(configuration)) == configuration
    assert configuration.people[0].phone == "+33612345678"
    weekly, other = configuration.schedules[0].layers
    assert (weekly.shift, other.shift) == (timedelta(days=7), timedelta(hours=12))
    assert configuration.plans[0].paging[1].responsibilities == ("customer",)


@pytest.mark.parametrize(
    ("kind", "item", "at", "reason"),
    [
        ("people", {"id": "a", "name": "A"}, "people[0].email", "is required"),
        ("people", {"id": "a", "name": "A", "email": "a@b.c", "phone": "0612"}, "people[0].phone", "with its country"),
        ("people", {"id": "a", "name": "A", "email": "a@b.c", "pager": "x"}, "people[0].pager", "unknown key"),
        ("schedules", {"id": "s", "layers": []}, "schedules[0].layers", "at least 1"),
        ("schedules", {"id": "s", "layers": [{"rotation": ["a"], "shift": "hourly"}]}, "", "must be daily, weekly"),
        ("schedules", {"id": "s", "layers": [{"rotation": ["a"], "shift": "30min"}]}, "", "from 1h to 366d"),
        ("schedules", {"id": "s", "layers": [{"rotation": ["a"], "handover": "9h"}]}, "", "is not a time such as"),
        (
            "schedules",
            {"id": "s", "layers": [{"rotation": ["a"], "shift": "daily", "handover": "MON 09:00"}]},
            "schedules[0].layers[0]",
            "names a weekday",
        ),
        ("schedules", {"id": "s", "layers": [{"rotation": ["a"], "start": "soon"}]}, "", "is not a date"),
        (
            "schedules",
            {
                "id": "s",
                "layers": [{"rotation": ["a"]}],
                "overrides": [{"person": "a", "start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}],
            },
            "schedules[0].overrides[0]",
            "end must be later",
        ),
        ("escalation_policies", {"id": "p", "steps": [{}]}, "escalation_policies[0].steps[0]", "who is told"),
        (
            "escalation_policies",
            {"id": "p", "steps": [{"channel": "c", "channels": ["d"]}]},
            "escalation_policies[0].steps[0]",
            "how people are told",
        ),
        ("escalation_policies", {"id": "p", "steps": [{"person": "a", "whom": 1}]}, "", "unknown key"),
        (
            "silences",
            {"id": "s", "start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z", "reason": "x"},
            "",
            "must name sites",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(kind: str, item: dict[str, Any], at: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        validate({kind: [item]})
    (problem,) = refused.value.problems
    assert str(problem).startswith(at)
    assert reason in problem.message


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"causes": ["BAD_LUCK"], "severity": "minor"}, "is not a cause"),
        ({"responsibilities": ["nobody"], "severity": "minor"}, "is not one of host"),
        ({"causes": ["TCP_REFUSED"]}, "must say page_after, severity or both"),
    ],
)
def test_a_paging_rule_that_says_nothing_that_can_be_followed_is_refused(rule: dict[str, Any], reason: str) -> None:
    plan = {"id": "p", "title": "P", "interval": "1min", "response_target": "1h", "channels": [], "paging": [rule]}
    with pytest.raises(ConfigurationError, match=reason):
        validate({"plans": [plan]})


def test_a_name_that_nothing_has_is_noted_where_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "paging.yaml"
    file.write_text(PAGING.replace("rotation: [bob]", "rotation: [bbo]"))
    (problem,) = undeclared(load(file))
    assert "person bbo is not declared here (did you mean bob?)" in problem.message
    assert problem.line == 10
