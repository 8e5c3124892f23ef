"""What is declared and watched, as values: what the database holds now, and what a configuration wants it to hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from quivive.configuration import (
    ChannelConfig,
    Configuration,
    CustomerConfig,
    EscalationPolicyConfig,
    PersonConfig,
    PlanConfig,
    RegionConfig,
    ScheduleConfig,
    SilenceConfig,
    SiteConfig,
)
from quivive.v1 import bus_pb2


class Action(Enum):
    """Numbers are those of `quivive.v1.Change.Action`."""

    CREATE = 1
    UPDATE = 2
    DELETE = 3
    KEEP = 4


@dataclass(frozen=True, slots=True)
class Declared:
    """Everything live, by id. Regions always have a title."""

    regions: Mapping[str, RegionConfig]
    plans: Mapping[str, PlanConfig]
    customers: Mapping[str, CustomerConfig]
    sites: Mapping[str, SiteConfig]
    channels: Mapping[str, ChannelConfig]
    people: Mapping[str, PersonConfig]
    schedules: Mapping[str, ScheduleConfig]
    escalation_policies: Mapping[str, EscalationPolicyConfig]
    silences: Mapping[str, SilenceConfig]


@dataclass(frozen=True, slots=True)
class PresentCheck:
    """A live check as it is stored; `spec` is its current revision."""

    check_id: int
    revision: int
    type: str
    critical: bool
    paused: bool
    spec: bus_pb2.CheckSpec


@dataclass(frozen=True, slots=True)
class Present:
    """What the database holds."""

    declared: Declared
    checks: Mapping[tuple[str, str], PresentCheck]
    """By (site, name)."""


C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class KindChanges(Generic[C]):
    """One kind: what comes, what changes (before, after), what goes, what stays although it is not declared, and the outcome."""

    created: Mapping[str, C]
    updated: Mapping[str, tuple[C, C]]
    deleted: Mapping[str, C]
    kept: Mapping[str, C]
    after: Mapping[str, C]


def compare(before: Mapping[str, C], wanted: Mapping[str, C], *, prune: bool) -> KindChanges[C]:
    """What it takes to get from `before` to `wanted`; without `prune` nothing goes."""
    undeclared = {key: value for key, value in before.items() if key not in wanted}
    return KindChanges(
        created={key: value for key, value in wanted.items() if key not in before},
        updated={key: (before[key], value) for key, value in wanted.items() if key in before and before[key] != value},
        deleted=undeclared if prune else {},
        kept={} if prune else undeclared,
        after=dict(wanted) if prune else {**undeclared, **wanted},
    )


def wanted_of(configuration: Configuration) -> Declared:
    """A configuration by kinds and ids."""
    return Declared(
        regions={region.id: titled(region) for region in configuration.regions},
        plans={plan.id: plan for plan in configuration.plans},
        customers={customer.id: customer for customer in configuration.customers},
        sites={site.id: site for site in configuration.sites},
        channels={channel.id: channel for channel in configuration.channels},
        people={person.id: person for person in configuration.people},
        schedules={schedule.id: schedule for schedule in configuration.schedules},
        escalation_policies={policy.id: policy for policy in configuration.escalation_policies},
        silences={silence.id: silence for silence in configuration.silences},
    )


def titled(region: RegionConfig) -> RegionConfig:
    """The region with a title; without one of its own, its id."""
    return region if region.title is not None else region.model_copy(update={"title": region.id})
