"""Messages of the api as plain records, the form that `--output json` prints. Names of fields are a promise to scripts."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Literal

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from quivive.cli.output import Record
from quivive.domain.times import format_us
from quivive.v1 import (
    audit_pb2,
    customer_pb2,
    incident_pb2,
    maintenance_pb2,
    outcome_pb2,
    plan_pb2,
    region_pb2,
    result_pb2,
    site_pb2,
    sla_pb2,
    token_pb2,
)


def time_text(message: Message, field: str) -> str | None:
    """ISO 8601 in UTC; None for a time that is not set."""
    value: Timestamp = getattr(message, field)
    return format_us(value.ToMicroseconds()) if message.HasField(field) else None


def _word(name: Callable[[Any], str], prefix: str, value: int) -> str:
    """A vocabulary's word without its prefix; a number that this version does not know, as it is."""
    try:
        return name(value).removeprefix(prefix)
    except ValueError:
        return str(value)


def state_text(state: int) -> str:
    return _word(outcome_pb2.State.Name, "STATE_", state)


def site_record(site: site_pb2.Site) -> Record:
    return {
        "name": site.name,
        "state": state_text(site.state),
        "state_time": time_text(site, "state_time"),
        "customer": site.customer,
        "url": site.url,
        "tags": list(site.tags),
        "paused": site.paused,
        "last_incident": site.last_incident or None,
        "last_incident_start_time": time_text(site, "last_incident_start_time"),
        "checks": [_check_record(check) for check in site.checks],
        "etag": site.etag or None,
    }


def _check_record(check: site_pb2.Check) -> Record:
    return {
        "name": check.name,
        "type": check.type,
        "target": check.target,
        "call_url": check.call_url or None,
        "critical": check.critical,
        "state": state_text(check.state),
        "state_time": time_text(check, "state_time"),
        "interval_seconds": _seconds(check.interval),
        "timeout_seconds": _seconds(check.timeout),
        "regions": list(check.regions),
        "quorum": check.quorum,
        "revision": check.revision,
    }


def incident_record(incident: incident_pb2.Incident) -> Record:
    return {
        "name": incident.name,
        "site": incident.site,
        "check": incident.check,
        "customer": incident.customer,
        "state": _word(incident_pb2.Incident.State.Name, "STATE_", incident.state),
        "start_time": time_text(incident, "start_time"),
        "confirm_time": time_text(incident, "confirm_time"),
        "page_time": time_text(incident, "page_time"),
        "acknowledge_time": time_text(incident, "acknowledge_time"),
        "acknowledge_person": incident.acknowledge_person or None,
        "resolve_time": time_text(incident, "resolve_time"),
        "cause": _word(outcome_pb2.Cause.Name, "CAUSE_", incident.cause),
        "responsibility": _word(outcome_pb2.Responsibility.Name, "RESPONSIBILITY_", incident.responsibility),
        "regions": list(incident.regions),
        "detail": incident.detail,
        "close_reason": incident.close_reason or None,
        "simulated": incident.simulated,
        "confidence": incident.confidence if incident.HasField("confidence") else None,
        "cause_rule": incident.cause_rule or None,
        "cause_reason": incident.cause_reason or None,
        "reason": incident.reason or None,
        "group": incident.group or None,
    }


def incident_events(incident: incident_pb2.Incident) -> list[Record]:
    return [{"time": time_text(event, "time"), "kind": event.kind, "detail": event.detail} for event in incident.events]


def incident_evidence(incident: incident_pb2.Incident) -> list[Record]:
    """The failing attempts, the first one first; phases in milliseconds."""
    return [
        {
            "region": item.region,
            "slot": time_text(item, "slot"),
            "attempt": item.attempt,
            "end_time": time_text(item, "end_time"),
            "cause": _word(outcome_pb2.Cause.Name, "CAUSE_", item.cause),
            "http_status": item.http_status or None,
            "phases_ms": {
                phase: getattr(item, phase) / 10 for phase in ("dns", "connect", "tls", "first_byte", "transfer")
            },
            "detail": item.detail,
            "address": item.address or None,
            "url": item.url or None,
            "headers": dict(item.headers),
            "body_excerpt": item.body_excerpt,
            "body_hash": item.body_hash or None,
            "body_characters": item.body_characters or None,
            "resolved": list(item.resolved),
            "certificate_expire_time": item.certificate_expire_time or None,
            "certificate_subject": item.certificate_subject or None,
            "certificate_issuer": item.certificate_issuer or None,
            "certificate_names": list(item.certificate_names),
            "certificate_fingerprint": item.certificate_fingerprint or None,
        }
        for item in incident.evidence
    ]


def vote_records(votes: Iterable[incident_pb2.RegionVote]) -> list[Record]:
    return [
        {
            "region": vote.region,
            "vote": ("UP" if vote.up else "DOWN") if vote.HasField("up") else None,
            "standing": vote.standing,
            "end_time": time_text(vote, "end_time"),
        }
        for vote in votes
    ]


def explanation_record(explanation: incident_pb2.Explanation) -> Record:
    return {
        "check": explanation.check,
        "time": time_text(explanation, "time"),
        "state": state_text(explanation.state),
        "paged": explanation.paged,
        "summary": explanation.summary,
        "quorum": explanation.quorum or None,
        "vote_time": time_text(explanation, "vote_time"),
        "votes": vote_records(explanation.votes),
        "steps": [
            {"time": time_text(step, "time"), "kind": step.kind, "detail": step.detail} for step in explanation.steps
        ],
    }


def incident_corrections(incident: incident_pb2.Incident) -> list[Record]:
    return [
        {
            "time": time_text(correction, "time"),
            "author": correction.author,
            "reason": correction.reason,
            "counted": correction.counted,
            "responsibility": _word(outcome_pb2.Responsibility.Name, "RESPONSIBILITY_", correction.responsibility)
            if correction.responsibility
            else None,
        }
        for correction in incident.corrections
    ]


def figure_record(figure: sla_pb2.SlaFigure) -> Record:
    has = figure.HasField
    return {
        "site": figure.site,
        **reading_record(figure),
        "incidents": figure.incidents,
        "objective": figure.objective if has("objective") else None,
        "error_budget_seconds": figure.error_budget_us / 1e6 if has("error_budget_us") else None,
        "error_budget_left_seconds": figure.error_budget_left_us / 1e6 if has("error_budget_left_us") else None,
        "burn_rates": [
            {"window_seconds": burn.window_us / 1e6, "rate": burn.rate if burn.HasField("rate") else None}
            for burn in figure.burn_rates
        ],
        "times": _times_record(figure.times) if has("times") else None,
        "responses": {kind: getattr(figure.responses, kind) for kind in ("met", "breached", "not_due", "pending")}
        if has("responses")
        else None,
        "corrected": reading_record(figure.corrected) if has("corrected") else None,
        "late_maintenance": [_span_record(span) for span in figure.late_maintenance],
        "excluded_incidents": list(figure.excluded_incidents),
        "buckets": [{**_span_record(bucket), **reading_record(bucket.reading)} for bucket in figure.buckets],
    }


def reading_record(reading: sla_pb2.SlaFigure | sla_pb2.SlaReading) -> Record:
    """One reading of a span: the four ratios, and the times in seconds."""
    ratios: tuple[Literal["availability", "completeness", "lower_bound", "upper_bound"], ...]
    ratios = ("availability", "completeness", "lower_bound", "upper_bound")
    return {
        **{ratio: getattr(reading, ratio) if reading.HasField(ratio) else None for ratio in ratios},
        "up_seconds": reading.up_us / 1e6,
        "down_seconds": reading.down_us / 1e6,
        "unknown_seconds": reading.unknown_us / 1e6,
        "partial_seconds": reading.partial_us / 1e6,
        "maintenance_seconds": reading.maintenance_us / 1e6,
    }


def latency_record(figure: sla_pb2.LatencyFigure) -> Record:
    return {
        "check": figure.check,
        "region": figure.region,
        "phase": figure.phase,
        "attempts": figure.attempts,
        **{f"p{percent}_ms": getattr(figure, f"p{percent}_us") / 1e3 for percent in (50, 90, 95, 99)},
    }


def _span_record(span: sla_pb2.SlaSpan | sla_pb2.SlaBucket) -> Record:
    return {"start_time": time_text(span, "start_time"), "end_time": time_text(span, "end_time")}


def _times_record(times: sla_pb2.MeanTimes) -> Record:
    means: tuple[Literal["detect_us", "acknowledge_us", "repair_us", "between_failures_us"], ...]
    means = ("detect_us", "acknowledge_us", "repair_us", "between_failures_us")
    return {
        "failures": times.failures,
        **{
            f"{mean.removesuffix('_us')}_seconds": getattr(times, mean) / 1e6 if times.HasField(mean) else None
            for mean in means
        },
    }


def region_record(region: region_pb2.Region) -> Record:
    return {
        "name": region.name,
        "title": region.title or None,
        "declared": region.declared,
        "simulated": region.simulated,
        "drained": region.drained,
        "checks": region.checks,
        "blind": region.blind,
        "blind_reason": region.blind_reason or None,
        "blind_time": time_text(region, "blind_time"),
        "agents": [
            {
                "id": agent.id,
                "version": agent.version,
                "start_time": time_text(agent, "start_time"),
                "last_seen_time": time_text(agent, "last_seen_time"),
                "checks": agent.checks,
                "lateness_seconds": _seconds(agent.lateness),
                "clock_offset_seconds": _seconds(agent.clock_offset),
                "unpublished_results": agent.unpublished_results,
                "dropped_results": agent.dropped_results,
                "serving": agent.serving,
                "self_check_reason": agent.self_check_reason or None,
                "overload_reason": agent.overload_reason or None,
            }
            for agent in region.agents
        ],
    }


def _seconds(duration: Duration) -> float:
    return duration.ToTimedelta() / timedelta(seconds=1)


def result_record(result: result_pb2.Result) -> Record:
    """One attempt; phases in milliseconds."""
    phases = {phase: round(_seconds(getattr(result, phase)) * 1000, 1) for phase in PHASES}
    return {
        "check": result.check,
        "region": result.region,
        "slot": time_text(result, "slot"),
        "attempt": result.attempt,
        "end_time": time_text(result, "end_time"),
        "outcome": _word(outcome_pb2.Outcome.Name, "OUTCOME_", result.outcome),
        "cause": _word(outcome_pb2.Cause.Name, "CAUSE_", result.cause) if result.cause else None,
        "http_status": result.http_status or None,
        **{f"{phase}_ms": value for phase, value in phases.items()},
        "total_ms": round(sum(phases.values()), 1),
        "detail": result.detail or None,
        "address": result.address or None,
        "revision": result.revision,
    }


PHASES = ("dns", "connect", "tls", "first_byte", "transfer")


def customer_record(customer: customer_pb2.Customer) -> Record:
    return {
        "name": customer.name,
        "title": customer.title,
        "plan": customer.plan,
        "locale": customer.locale,
        "timezone": customer.timezone,
        "holidays": customer.holidays or None,
        "sites": customer.site_count,
        "create_time": time_text(customer, "create_time"),
        "etag": customer.etag,
    }


def plan_record(plan: plan_pb2.Plan) -> Record:
    return {
        "name": plan.name,
        "title": plan.title,
        "version": plan.version,
        "interval_seconds": _seconds(plan.interval),
        "page_after_seconds": _seconds(plan.page_after),
        "objective": plan.objective if plan.HasField("objective") else None,
        "response_target_seconds": _seconds(plan.response_target),
        "response_hours": plan.response_hours,
        "business_hours": plan.business_hours or None,
        "channels": list(plan.channels),
        "status_page": plan.status_page,
        "performance": plan.performance,
        "reports": list(plan.reports),
        "create_time": time_text(plan, "create_time"),
    }


def maintenance_record(maintenance: maintenance_pb2.Maintenance) -> Record:
    window = maintenance.window
    return {
        "name": maintenance.name,
        "site": maintenance.site,
        "cron": window.cron or None,
        "start_time": time_text(window, "start_time"),
        "ical": window.ical or None,
        "duration_seconds": _seconds(window.duration) if window.HasField("duration") else None,
        "next_start_time": time_text(maintenance, "next_start_time"),
        "next_end_time": time_text(maintenance, "next_end_time"),
        "create_time": time_text(maintenance, "create_time"),
    }


def silence_record(silence: maintenance_pb2.Silence) -> Record:
    return {
        "name": silence.name,
        "subject": silence.subject,
        "start_time": time_text(silence, "start_time"),
        "end_time": time_text(silence, "end_time"),
        "person": silence.person,
        "reason": silence.reason,
        "create_time": time_text(silence, "create_time"),
        "delete_time": time_text(silence, "delete_time"),
    }


def token_record(token: token_pb2.Token) -> Record:
    return {
        "name": token.name,
        "role": role_text(token.role),
        "customer": token.customer or None,
        "person": token.person,
        "title": token.title or None,
        **{field: time_text(token, field) for field in ("create_time", "expire_time", "last_use_time", "revoke_time")},
    }


def role_text(role: int) -> str:
    return _word(token_pb2.Role.Name, "ROLE_", role).lower()


def audit_record(entry: audit_pb2.AuditEntry) -> Record:
    return {
        "name": entry.name,
        "time": time_text(entry, "time"),
        "person": entry.person,
        "token": entry.token or None,
        "method": entry.method,
        "resource": entry.resource or None,
        "request": entry.request,
        "peer": entry.peer,
    }


def target_record(target: sla_pb2.ResponseTarget) -> Record:
    return {
        "incident": target.incident,
        "site": target.site,
        "standing": _word(sla_pb2.ResponseTarget.Standing.Name, "STANDING_", target.standing),
        "page_time": time_text(target, "page_time"),
        "acknowledge_time": time_text(target, "acknowledge_time"),
        "due_time": time_text(target, "due_time"),
        "target_seconds": _seconds(target.target),
    }
