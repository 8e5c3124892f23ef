"""Messages of the api as plain records, the form that `--output json` prints. Names of fields are a promise to scripts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from quivive.cli.output import Record
from quivive.domain.times import format_us
from quivive.v1 import incident_pb2, outcome_pb2, region_pb2, site_pb2, sla_pb2


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
        "paused": site.paused,
        "last_incident": site.last_incident or None,
        "last_incident_start_time": time_text(site, "last_incident_start_time"),
        "checks": [_check_record(check) for check in site.checks],
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
        "resolve_time": time_text(incident, "resolve_time"),
        "cause": _word(outcome_pb2.Cause.Name, "CAUSE_", incident.cause),
        "responsibility": _word(outcome_pb2.Responsibility.Name, "RESPONSIBILITY_", incident.responsibility),
        "regions": list(incident.regions),
        "detail": incident.detail,
        "close_reason": incident.close_reason or None,
        "simulated": incident.simulated,
    }


def incident_events(incident: incident_pb2.Incident) -> list[Record]:
    return [{"time": time_text(event, "time"), "kind": event.kind, "detail": event.detail} for event in incident.events]


def figure_record(figure: sla_pb2.SlaFigure) -> Record:
    return {
        "site": figure.site,
        "availability": figure.availability if figure.HasField("availability") else None,
        "completeness": figure.completeness if figure.HasField("completeness") else None,
        "lower_bound": figure.lower_bound if figure.HasField("lower_bound") else None,
        "upper_bound": figure.upper_bound if figure.HasField("upper_bound") else None,
        "up_seconds": figure.up_us / 1e6,
        "down_seconds": figure.down_us / 1e6,
        "unknown_seconds": figure.unknown_us / 1e6,
        "partial_seconds": figure.partial_us / 1e6,
        "maintenance_seconds": figure.maintenance_us / 1e6,
        "incidents": figure.incidents,
    }


def region_record(region: region_pb2.Region) -> Record:
    return {
        "name": region.name,
        "declared": region.declared,
        "simulated": region.simulated,
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
            }
            for agent in region.agents
        ],
    }


def _seconds(duration: Duration) -> float:
    return duration.ToTimedelta() / timedelta(seconds=1)
