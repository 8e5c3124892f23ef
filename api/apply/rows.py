"""A plan of changes as rows: parameters for the sections of `apply.sql`, no I/O."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb
from pydantic import BaseModel

from api.apply.changes import CheckChanges, Plan
from api.apply.checks import target_text
from quivive.configuration import (
    ChannelConfig,
    CustomerConfig,
    MaintenanceConfig,
    PlanConfig,
    RegionConfig,
    SilenceConfig,
    SiteConfig,
)
from quivive.domain.checks import HEARTBEAT_REGION
from quivive.v1 import bus_pb2

_MICROSECOND = timedelta(microseconds=1)

Row = dict[str, Any]
_SpanKey = tuple[str | None, datetime | None, str | None, int | None]


def rows_of(plan: Plan, checks: CheckChanges, new_id: Callable[[], int]) -> dict[str, list[Row]]:
    """The rows by section, in the order they have to be written: what refers to something comes after it."""
    return {
        "put_region": [_region_row(region) for region in _changed(plan.regions)],
        "add_region_event": [
            *({"id": id_, "kind": "declared"} for id_ in plan.regions.created),
            *({"id": id_, "kind": "removed"} for id_ in plan.regions.deleted),
            *(
                {"id": id_, "kind": "drained" if after.drained else "undrained"}
                for id_, (before, after) in plan.regions.updated.items()
                if before.drained != after.drained
            ),
        ],
        "delete_region": [{"id": id_} for id_ in plan.regions.deleted],
        **_paging_rows(plan),
        "delete_plan": [{"id": id_} for id_ in plan.plans.deleted],
        "put_plan": [_plan_row(sold) for sold in _changed(plan.plans)],
        "put_customer": [_customer_row(customer) for customer in _changed(plan.customers)],
        "put_site": [_site_row(site) for site in _changed(plan.sites)],
        "put_channel": [_channel_row(channel) for channel in _changed(plan.channels)],
        "delete_channel": [{"id": id_} for id_ in plan.channels.deleted],
        **_maintenance_rows(plan),
        **_check_rows(checks, new_id),
        "delete_site": [{"id": id_} for id_ in plan.sites.deleted],
        "delete_customer": [{"id": id_} for id_ in plan.customers.deleted],
    }


def _paging_rows(plan: Plan) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for kind, changes in (("person", plan.people), ("schedule", plan.schedules), ("policy", plan.escalation_policies)):
        rows[f"put_{kind}"] = [{"id": item.id, "declared": _as_declared(item)} for item in _changed(changes)]
        rows[f"delete_{kind}"] = [{"id": id_} for id_ in changes.deleted]
    rows["put_silence"] = [_silence_row(silence) for silence in _changed(plan.silences)]
    rows["delete_silence"] = [{"id": id_} for id_ in plan.silences.deleted]
    rows["put_contact_channel"] = [{}] if any(customer.contacts for customer in _changed(plan.customers)) else []
    return rows


def _check_rows(checks: CheckChanges, new_id: Callable[[], int]) -> dict[str, list[Row]]:
    added, revisions, used = [], [], []
    for wanted in checks.created:
        check = new_id()
        added.append(
            {
                "check": check,
                "site": wanted.site,
                "name": wanted.name,
                "type": wanted.type,
                "critical": wanted.critical,
                "revision": 1,
                "paused": wanted.paused,
            }
        )
        revisions.append(_revision_row(check, 1, wanted.spec))
    for before, wanted in checks.revised:
        revisions.append(_revision_row(before.check_id, before.revision + 1, wanted.spec))
        used.append({"check": before.check_id, "revision": before.revision + 1})
    return {
        "put_heartbeat_region": [{"id": HEARTBEAT_REGION}]
        if any(c.type == "heartbeat" for c in checks.created)
        else [],
        "delete_check": [{"check": check.check_id} for _, check in checks.deleted],
        "add_check": added,
        "add_revision": revisions,
        "use_revision": used,
        "flag_check": [
            {"check": before.check_id, "critical": wanted.critical, "paused": wanted.paused}
            for before, wanted in checks.flagged
        ],
    }


def _revision_row(check: int, revision: int, wanted: bus_pb2.CheckSpec) -> Row:
    spec = bus_pb2.CheckSpec()
    spec.CopyFrom(wanted)
    spec.id, spec.revision = check, revision
    return {
        "check": check,
        "revision": revision,
        "regions": list(spec.regions),
        "interval_us": spec.interval.ToMicroseconds(),
        "timeout_us": spec.timeout.ToMicroseconds(),
        "down_attempts": spec.down_attempts,
        "target": target_text(spec),
        "spec": spec.SerializeToString(deterministic=True),
    }


def _maintenance_rows(plan: Plan) -> dict[str, list[Row]]:
    """Only what differs is replaced: a declaration counts from when it was made."""
    gone, come = [], []
    changed = [
        *((id_, (), site.maintenance) for id_, site in plan.sites.created.items()),
        *((id_, before.maintenance, after.maintenance) for id_, (before, after) in plan.sites.updated.items()),
        *((id_, site.maintenance, ()) for id_, site in plan.sites.deleted.items()),
    ]
    for site, before, after in changed:
        old, new = (Counter(_span_key(item) for item in items) for items in (before, after))
        # A repeated declaration is one span; removing it removes its twin as well.
        gone += [_span_row(site, key) for key in old if key not in new]
        come += [_span_row(site, key) for key in new if key not in old]
    return {"delete_maintenance": gone, "add_maintenance": come}


def _span_key(item: MaintenanceConfig) -> _SpanKey:
    return item.cron, item.start, item.ical, None if item.duration is None else item.duration // _MICROSECOND


def _span_row(site: str, key: _SpanKey) -> Row:
    return {"site": site, "cron": key[0], "start": key[1], "ical": key[2], "duration_us": key[3]}


def _changed(kind: Any) -> list[Any]:
    return [*kind.created.values(), *(after for _, after in kind.updated.values())]


def _plan_row(plan: PlanConfig) -> Row:
    return {
        "id": plan.id,
        "title": plan.title,
        "interval_us": plan.interval // _MICROSECOND,
        "page_after_us": plan.page_after // _MICROSECOND,
        "objective": plan.objective,
        "response_target_us": plan.response_target // _MICROSECOND,
        "response_hours": plan.response_hours,
        "business_hours": plan.business_hours,
        "channels": list(plan.channels),
        "status_page": plan.status_page,
        "performance": plan.performance,
        "reports": list(plan.reports),
        "escalation_policy": plan.escalation_policy,
        "paging": Jsonb([rule.model_dump(mode="json", exclude_defaults=True) for rule in plan.paging]),
        "results_days": plan.keep_results.days,
        "aggregates_days": plan.keep_aggregates.days,
    }


def _customer_row(customer: CustomerConfig) -> Row:
    return {
        "id": customer.id,
        "title": customer.name,
        "plan": customer.plan,
        "locale": customer.locale,
        "timezone": customer.timezone,
        "holidays": customer.holidays or "",
        "escalation_policy": customer.escalation_policy,
        "contacts": Jsonb([contact.model_dump(mode="json", exclude_defaults=True) for contact in customer.contacts]),
        "status_page": None
        if customer.status_page is None
        else Jsonb(customer.status_page.model_dump(mode="json", exclude_defaults=True)),
    }


def _region_row(region: RegionConfig) -> Row:
    return {"id": region.id, "title": region.title, "simulated": region.simulated, "drained": region.drained}


def _site_row(site: SiteConfig) -> Row:
    return {
        "id": site.id,
        "customer": site.customer,
        "url": site.url,
        "declared": _as_declared(site),
        "paused": site.paused,
    }


def _channel_row(channel: ChannelConfig) -> Row:
    return {
        "id": channel.id,
        "type": channel.type,
        "audience": list(channel.audience),
        "declared": _as_declared(channel),
    }


def _silence_row(silence: SilenceConfig) -> Row:
    return {
        "id": silence.id,
        "sites": list(silence.sites),
        "customers": list(silence.customers),
        "start": silence.start,
        "end": silence.end,
        "reason": silence.reason,
        "declared": _as_declared(silence),
    }


def _as_declared(item: BaseModel) -> Jsonb:
    return Jsonb(item.model_dump(mode="json", exclude_defaults=True))
