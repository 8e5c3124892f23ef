"""Every place where a configuration names a person, a schedule, a policy, or what a silence is about."""

from collections.abc import Iterator
from dataclasses import dataclass

from quivive.configuration.model import Configuration
from quivive.configuration.paging import WhomConfig
from quivive.configuration.problems import ValuePath


@dataclass(frozen=True, slots=True)
class Reference:
    """Somewhere something is named."""

    path: ValuePath
    kind: str
    id: str


def paging_references(configuration: Configuration) -> Iterator[Reference]:
    """Every place where a configuration names a person, a schedule, a policy, or what a silence is about."""
    for kind in ("plans", "customers", "sites"):
        for index, item in enumerate(getattr(configuration, kind)):
            if item.escalation_policy is not None:
                yield Reference((kind, index, "escalation_policy"), "escalation policy", item.escalation_policy)
    for index, schedule in enumerate(configuration.schedules):
        for number, layer in enumerate(schedule.layers):
            for place, person in enumerate(layer.rotation):
                yield Reference(("schedules", index, "layers", number, "rotation", place), "person", person)
        for number, override in enumerate(schedule.overrides):
            yield Reference(("schedules", index, "overrides", number, "person"), "person", override.person)
    for index, policy in enumerate(configuration.escalation_policies):
        at: ValuePath = ("escalation_policies", index)
        for number, step in enumerate(policy.steps):
            yield from _whom((*at, "steps", number), step)
        for name in ("fallback", "before_missed"):
            if (whom := getattr(policy, name)) is not None:
                yield from _whom((*at, name), whom)
    for index, silence in enumerate(configuration.silences):
        for kind in ("site", "customer"):
            for number, id_ in enumerate(getattr(silence, f"{kind}s")):
                yield Reference(("silences", index, f"{kind}s", number), kind, id_)


def _whom(at: ValuePath, whom: WhomConfig) -> Iterator[Reference]:
    for kind in ("person", "schedule", "channel"):
        if (id_ := getattr(whom, kind)) is not None:
            yield Reference((*at, kind), kind, id_)
    for number, channel in enumerate(whom.channels):
        yield Reference((*at, "channels", number), "channel", channel)
