"""The plan of an apply, as pure data: what is declared and watched now, what is wanted, what has to be done.

1. Compare each kind: created, updated, deleted (only with `prune`), kept.
2. Derive every check that is wanted from the outcome; a plan's or a region's change reaches sites that are not in the file.
3. Compare the checks by (site, name): a new one, a new revision, other flags, a removal.
4. Say it in lines for people.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from api.apply.checks import Terms, WantedCheck, target_text, wanted_checks
from api.apply.declared import Action, Declared, KindChanges, Present, PresentCheck, compare
from quivive.configuration import (
    ChannelConfig,
    CustomerConfig,
    EscalationPolicyConfig,
    PersonConfig,
    PlanConfig,
    RegionConfig,
    ScheduleConfig,
    SilenceConfig,
    SiteConfig,
)
from quivive.configuration.durations import format_duration
from quivive.v1 import bus_pb2

C = TypeVar("C", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference as it is shown: `fields` has a line for each thing that changes."""

    action: Action
    name: str
    fields: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CheckChanges:
    """What happens to checks. A revised one has (present, wanted); flags are `critical` and `paused`, without a new revision."""

    created: Sequence[WantedCheck]
    revised: Sequence[tuple[PresentCheck, WantedCheck]]
    flagged: Sequence[tuple[PresentCheck, WantedCheck]]
    deleted: Sequence[tuple[str, PresentCheck]]
    """(site, check)"""


@dataclass(frozen=True, slots=True)
class Plan:
    """Kind by kind; the checks follow from them."""

    regions: KindChanges[RegionConfig]
    plans: KindChanges[PlanConfig]
    customers: KindChanges[CustomerConfig]
    sites: KindChanges[SiteConfig]
    channels: KindChanges[ChannelConfig]
    people: KindChanges[PersonConfig]
    schedules: KindChanges[ScheduleConfig]
    escalation_policies: KindChanges[EscalationPolicyConfig]
    silences: KindChanges[SilenceConfig]


def plan_kinds(present: Declared, wanted: Declared, *, prune: bool) -> Plan:
    """Step 1. Plans are never pruned, for history refers to them; nor are regions by a configuration that names none."""
    return Plan(
        regions=compare(present.regions, _as_drained(present, wanted), prune=prune and bool(wanted.regions)),
        plans=compare(present.plans, wanted.plans, prune=False),
        customers=compare(present.customers, wanted.customers, prune=prune),
        sites=compare(present.sites, wanted.sites, prune=prune),
        channels=compare(present.channels, wanted.channels, prune=prune),
        people=compare(present.people, wanted.people, prune=prune),
        schedules=compare(present.schedules, wanted.schedules, prune=prune),
        escalation_policies=compare(present.escalation_policies, wanted.escalation_policies, prune=prune),
        silences=compare(present.silences, wanted.silences, prune=prune),
    )


def _as_drained(present: Declared, wanted: Declared) -> Mapping[str, RegionConfig]:
    """Who says nothing about it leaves a region drained, or not, as it is."""
    return {
        id_: region
        if region.drained is not None
        else region.model_copy(update={"drained": id_ in present.regions and bool(present.regions[id_].drained)})
        for id_, region in wanted.regions.items()
    }


def plan_checks(present: Present, plan: Plan, *, heartbeats: bool = True) -> CheckChanges:
    """Steps 2 and 3. The plan's references must hold. `heartbeats`: jobs can call this server."""
    drained = frozenset(id_ for id_, region in plan.regions.after.items() if region.drained)
    regions = sorted(plan.regions.after.keys() - drained)
    wanted = {
        (check.site, check.name): check
        for site in plan.sites.after.values()
        for check in wanted_checks(site, _terms(site, plan, regions, drained, heartbeats=heartbeats))
    }
    created, revised, flagged = [], [], []
    for key, check in wanted.items():
        before = present.checks.get(key)
        if before is None or before.type != check.type:
            # Another kind of check is another check: what was seen of the one says nothing about the other.
            created.append(check)
            continue
        if _without_numbers(before.spec) != check.spec:
            revised.append((before, check))
        if (before.critical, before.paused) != (check.critical, check.paused):
            flagged.append((before, check))
    deleted = [
        (site, check)
        for (site, name), check in present.checks.items()
        if (site, name) not in wanted or wanted[site, name].type != check.type
    ]
    return CheckChanges(created, revised, flagged, deleted)


def describe(plan: Plan, checks: CheckChanges, call_url: Callable[[str], str] | None = None) -> list[Change]:
    """Step 4, kind by kind; what stays as it is declared is not mentioned. `call_url` is what a check's job calls, by name."""
    derived: dict[str, list[str]] = {}
    for before, after in checks.revised:
        derived.setdefault(after.site, []).extend(_spec_lines(before.spec, after))
    calls: dict[str, list[str]] = {}
    for check in checks.created:
        if check.type == "heartbeat" and call_url is not None:
            calls.setdefault(check.site, []).append(f"{check.name} is called at {call_url(check.spec.name)}")
    warnings: dict[str, list[str]] = {}
    for check in (*checks.created, *(after for _, after in checks.revised)):
        if len(check.spec.regions) == 2:
            warnings.setdefault(check.site, []).append(
                f"warning: two regions watch {check.name}: both must agree, and with one blind nothing is known"
            )
    changes = [
        *_kind_changes("regions", plan.regions),
        *_kind_changes("plans", plan.plans),
        *_kind_changes("customers", plan.customers),
    ]
    for change in _kind_changes("sites", plan.sites):
        site = change.name.removeprefix("sites/")
        lines = derived.pop(site, []) if change.action is Action.KEEP else []
        derived.pop(site, None)
        action = Action.UPDATE if lines or (change.action is Action.KEEP and site in calls) else change.action
        told = (*lines, *calls.get(site, ()), *warnings.get(site, ()))
        changes.append(Change(action, change.name, [*change.fields, *told]))
    changes += [
        Change(Action.UPDATE, f"sites/{site}", [*lines, *warnings.get(site, ())]) for site, lines in derived.items()
    ]
    changes += _kind_changes("channels", plan.channels)
    changes += _kind_changes("people", plan.people)
    changes += _kind_changes("schedules", plan.schedules)
    changes += _kind_changes("escalation_policies", plan.escalation_policies)
    changes += _kind_changes("silences", plan.silences)
    return changes


def _terms(site: SiteConfig, plan: Plan, regions: Sequence[str], drained: frozenset[str], *, heartbeats: bool) -> Terms:
    customer = plan.customers.after[site.customer]
    return Terms(plan.plans.after[customer.plan].interval, customer.timezone, regions, drained, heartbeats)


def _without_numbers(spec: bus_pb2.CheckSpec) -> bus_pb2.CheckSpec:
    bare = bus_pb2.CheckSpec()
    bare.CopyFrom(spec)
    bare.ClearField("id")
    bare.ClearField("revision")
    return bare


def _kind_changes(collection: str, kind: KindChanges[C]) -> Iterator[Change]:
    for id_, item in kind.created.items():
        yield Change(Action.CREATE, f"{collection}/{id_}", _declared_lines({}, _shown(item)))
    for id_, (before, after) in kind.updated.items():
        yield Change(Action.UPDATE, f"{collection}/{id_}", _declared_lines(_shown(before), _shown(after)))
    for id_ in kind.deleted:
        yield Change(Action.DELETE, f"{collection}/{id_}")
    for id_ in kind.kept:
        yield Change(Action.KEEP, f"{collection}/{id_}")


def _shown(item: BaseModel) -> dict[str, str]:
    """Its fields as flat text, `expect.body_contains` and the like; what is as by default is left out."""
    return dict(_flat("", item.model_dump(mode="json", exclude_defaults=True, exclude={"id"})))


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else key, inner)
    elif isinstance(value, list) and any(isinstance(inner, Mapping) for inner in value):
        for number, inner in enumerate(value):
            yield from _flat(f"{prefix}[{number}]", inner)
    elif isinstance(value, list):
        yield prefix, ", ".join(map(str, value))
    elif isinstance(value, bool):
        yield prefix, "true" if value else "false"
    else:
        yield prefix, str(value)


def _declared_lines(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    lines = []
    for key in (*before, *(key for key in after if key not in before)):
        old, new = before.get(key), after.get(key)
        if old is None:
            lines.append(f"{key}: {new}")
        elif new is None:
            lines.append(f"{key}: {old} -> default")
        elif old != new:
            lines.append(f"{key}: {old} -> {new}")
    return lines


def _spec_lines(before: bus_pb2.CheckSpec, wanted: WantedCheck) -> Iterator[str]:
    """What follows for a check from a change elsewhere: of its customer's plan, or of the regions."""
    after = wanted.spec
    for label, old, new in (
        ("interval", _length(before.interval), _length(after.interval)),
        ("timeout", _length(before.timeout), _length(after.timeout)),
        ("regions", ", ".join(before.regions), ", ".join(after.regions)),
        ("target", target_text(before), target_text(after)),
        ("zone", before.heartbeat.timezone, after.heartbeat.timezone),
    ):
        if old != new:
            yield f"{wanted.name} {label}: {old} -> {new}"


def _length(duration: Any) -> str:
    return format_duration(duration.ToTimedelta())
