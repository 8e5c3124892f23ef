"""What people, schedules, policies and silences refer to must be there once it is applied."""

from collections.abc import Iterator, Mapping
from typing import Any

from api.apply.changes import Plan
from quivive.configuration import Configuration
from quivive.configuration.paging_references import paging_references
from quivive.configuration.problems import ValuePath
from quivive.configuration.validate import suggestion


def paging_problems(configuration: Configuration, plan: Plan, hint: str) -> Iterator[tuple[ValuePath, str]]:
    """Unknown references of what is declared here, then those of plans that stay although they are not."""
    known: Mapping[str, Any] = {
        "person": plan.people,
        "schedule": plan.schedules,
        "escalation policy": plan.escalation_policies,
        "channel": plan.channels,
        "site": plan.sites,
        "customer": plan.customers,
    }
    for reference in paging_references(configuration):
        after, deleted = known[reference.kind].after, known[reference.kind].deleted
        if reference.id not in after:
            removed = hint if reference.id in deleted else ""
            near = suggestion(reference.id, sorted(after))
            yield reference.path, f"there is no {reference.kind} {reference.id}{near}{removed}"
    declared = {sold.id for sold in configuration.plans}
    for sold in plan.plans.after.values():  # plans are never pruned, and must not lose their policy to it
        policy = sold.escalation_policy
        if sold.id not in declared and policy is not None and policy not in plan.escalation_policies.after:
            yield ("escalation_policies",), f"plan {sold.id} needs escalation policy {policy}{hint}"
