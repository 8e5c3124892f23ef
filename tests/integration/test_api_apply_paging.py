"""People, schedules, policies and silences over the whole way: applied, kept, changed, removed, refused."""

from copy import deepcopy
from typing import Any

import grpc
import pytest
from api_server import CONFIGURATION, Api, refusal

PAGING: dict[str, Any] = {
    **CONFIGURATION,
    "customers": [
        {
            **CONFIGURATION["customers"][0],
            "escalation_policy": "critical",
            "contacts": [{"email": "paul@martin.example", "name": "Paul"}],
        }
    ],
    "plans": [
        {
            "id": "shop",
            "title": "Shop",
            "interval": "1min",
            "response_target": "1h",
            "channels": ["email"],
            "escalation_policy": "critical",
            "paging": [{"causes": ["CONTENT_MAINTENANCE_MODE"], "page_after": "10min", "severity": "minor"}],
        }
    ],
    "people": [
        {"id": "alice", "name": "Alice", "email": "alice@agency.example", "timezone": "Europe/Paris"},
        {"id": "bob", "name": "Bob", "email": "bob@agency.example", "contacts": {"slack": "U0123"}},
    ],
    "schedules": [
        {
            "id": "primary",
            "timezone": "Europe/Paris",
            "layers": [{"rotation": ["alice", "bob"], "shift": "weekly", "handover": "MON 09:00"}],
        }
    ],
    "escalation_policies": [
        {
            "id": "critical",
            "steps": [{"schedule": "primary"}, {"wait": "10min", "person": "bob", "channels": ["ops"]}],
            "fallback": {"everybody": True},
        }
    ],
    "silences": [
        {
            "id": "move",
            "sites": ["martin-www"],
            "start": "2026-03-01T22:00:00Z",
            "end": "2026-03-02T02:00:00Z",
            "reason": "The shop moves",
        }
    ],
}


def changed(**kinds: Any) -> dict[str, Any]:
    return {**deepcopy(PAGING), **kinds}


async def test_all_of_it_is_applied_once_and_then_nothing_differs(api: Api) -> None:
    changes = await api.apply(PAGING)
    names = [name for action, name, _ in changes if action == "CREATE"]
    assert {
        "people/alice",
        "people/bob",
        "schedules/primary",
        "escalation_policies/critical",
        "silences/move",
        "plans/shop",
    } <= set(names)
    assert all(action == "KEEP" for action, _, _ in await api.apply(PAGING))
    assert api.rows("SELECT channel_id FROM quivive.channels WHERE internal") == [("@customers",)]
    assert api.rows("SELECT escalation_policy, contacts FROM quivive.customers") == [
        ("critical", [{"email": "paul@martin.example", "name": "Paul"}])
    ]


async def test_a_change_says_what_changes(api: Api) -> None:
    await api.apply(PAGING)
    schedule = deepcopy(PAGING["schedules"][0])
    schedule["layers"][0]["rotation"] = ["bob", "alice"]
    changes = await api.apply(changed(schedules=[schedule]))
    assert ("UPDATE", "schedules/primary", ["layers[0].rotation: alice, bob -> bob, alice"]) in changes


async def test_what_is_declared_no_more_goes_with_prune_alone(api: Api) -> None:
    await api.apply(PAGING)
    api.rows(
        "INSERT INTO quivive.silences (silence_id, start_time, end_time, reason)"
        " VALUES ('by-call', now(), now() + interval '1 h', 'made by a call')"
    )
    less = changed(silences=[])
    assert ("KEEP", "silences/move", []) in await api.apply(less)
    assert ("DELETE", "silences/move", []) in await api.apply(less, prune=True)
    assert api.rows("SELECT silence_id FROM quivive.silences WHERE delete_time IS NULL") == [("by-call",)]


@pytest.mark.parametrize(
    ("kinds", "field", "reason"),
    [
        ({"people": PAGING["people"][:1]}, "schedules[0].layers[0].rotation[1]", "there is no person bob"),
        ({"schedules": []}, "escalation_policies[0].steps[0].schedule", "there is no schedule primary"),
        ({"escalation_policies": []}, "plans[0].escalation_policy", "there is no escalation policy critical"),
        ({"channels": []}, "escalation_policies[0].steps[1].channels[0]", "there is no channel ops"),
        (
            {"silences": [{**PAGING["silences"][0], "sites": ["martin-wwww"]}]},
            "silences[0].sites[0]",
            "there is no site martin-wwww (did you mean martin-www?)",
        ),
    ],
)
async def test_a_reference_to_nothing_is_refused_with_its_place(
    api: Api, kinds: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await api.apply(changed(**kinds))
    assert any(at == field and reason in why for at, why in refusal(error.value).violations)
    assert api.rows("SELECT count(*) FROM quivive.people") == [(0,)]


async def test_a_policy_that_a_plan_needs_is_not_pruned_away(api: Api) -> None:
    await api.apply(PAGING)
    customer = {**PAGING["customers"][0], "escalation_policy": None}
    rest = changed(plans=[], escalation_policies=[], customers=[customer])
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await api.apply(rest, prune=True)
    assert "plan shop needs escalation policy critical" in refusal(error.value).violations[0][1]
