"""References that one configuration leaves open: the server may know the plan, customer or region, or refuse it."""

from collections.abc import Iterator

from quivive.configuration.load import Loaded
from quivive.configuration.paging_references import paging_references
from quivive.configuration.problems import Problem, format_path
from quivive.configuration.validate import suggestion

SHIPPED_PLANS = ("basic", "standard", "premium")


def undeclared(loaded: Loaded) -> list[Problem]:
    """Where something is named that is not declared beside others of its kind, nor ships with Quivive."""
    configuration = loaded.configuration
    declared = {
        "plan": [*SHIPPED_PLANS, *(plan.id for plan in configuration.plans)],
        "customer": [customer.id for customer in configuration.customers],
        "region": [region.id for region in configuration.regions],
        "site": [site.id for site in configuration.sites],
        "channel": [channel.id for channel in configuration.channels],
        "person": [person.id for person in configuration.people],
        "schedule": [schedule.id for schedule in configuration.schedules],
        "escalation policy": [policy.id for policy in configuration.escalation_policies],
    }
    problems = []
    for field, kind, id_ in _references(loaded):
        if declared[kind] and id_ not in declared[kind]:
            message = f"{kind} {id_} is not declared here{suggestion(id_, declared[kind])}; the server must know it"
            problems.append(loaded.problem_at(field, message))
    return problems


def _references(loaded: Loaded) -> Iterator[tuple[str, str, str]]:
    """The field, the kind it refers to, and the id it names."""
    for number, customer in enumerate(loaded.configuration.customers):
        yield f"customers[{number}].plan", "plan", customer.plan
    for number, site in enumerate(loaded.configuration.sites):
        yield f"sites[{number}].customer", "customer", site.customer
        for place, regions in [
            (f"sites[{number}]", site.regions),
            *((f"sites[{number}].checks[{index}]", check.regions) for index, check in enumerate(site.checks)),
        ]:
            for index, region in enumerate(regions or ()):
                yield f"{place}.regions[{index}]", "region", region
    for reference in paging_references(loaded.configuration):
        yield format_path(reference.path), reference.kind, reference.id
