"""Rows as messages of `quivive.v1`."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from api.apply.edit import etag_of
from api.corrections import CorrectionRow
from api.heartbeats.addresses import Addresses
from api.incidents import EventRow, IncidentRow
from api.services.declared import fill
from api.sites import CheckRow, Site
from quivive.domain.checks import quorum_of
from quivive.domain.words import State
from quivive.v1 import incident_pb2, outcome_pb2, site_pb2


def timestamp(moment: datetime | None) -> Timestamp | None:
    """Microseconds are exact; None stays absent."""
    if moment is None:
        return None
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def duration(us: int) -> Duration:
    message = Duration()
    message.FromTimedelta(timedelta(microseconds=us))
    return message


def site_message(site: Site, addresses: Addresses | None = None, *, whole: bool = True) -> site_pb2.Site:
    """A site with its checks; `addresses` tell what the jobs behind heartbeats call.

    Not `whole`: without what its customer need not know, how it is looked at and what jobs call.
    """
    row = site.row
    message = site_pb2.Site(
        name=f"sites/{row.site_id}",
        customer=f"customers/{row.customer_id}",
        url=row.url,
        state=outcome_pb2.State.ValueType(site.state.value),
        state_time=timestamp(site.state_time),
        paused=row.paused,
        checks=[_check_message(check, addresses if whole else None) for check in site.checks],
        create_time=timestamp(row.create_time),
        last_incident=f"incidents/{row.last_incident_id}" if row.last_incident_id else "",
        last_incident_start_time=timestamp(row.last_incident_start),
    )
    shown = row.declared if whole else {key: row.declared[key] for key in ("tags", "interval") if key in row.declared}
    fill(message, {key: value for key, value in shown.items() if key not in ("customer", "url", "paused")})
    if whole:
        message.etag = etag_of(row.declared)
    return message


def _check_message(check: CheckRow, addresses: Addresses | None) -> site_pb2.Check:
    name = f"sites/{check.site_id}/checks/{check.name}"
    return site_pb2.Check(
        name=name,
        call_url=addresses.url(name) if addresses is not None and check.type == "heartbeat" else "",
        type=check.type,
        target=check.target,
        critical=check.critical,
        interval=duration(check.interval_us),
        timeout=duration(check.timeout_us),
        regions=check.regions,
        quorum=quorum_of(len(check.regions)),
        revision=check.revision,
        state=outcome_pb2.State.ValueType(State.PAUSED.value if check.paused else check.state),
        state_time=timestamp(check.state_time),
    )


PUBLIC_EVENTS = frozenset(("confirmed", "reopened", "moved", "resolved", "acknowledged", "corrected", "published"))
"""The kinds that a customer is shown."""
_OWN_AFFAIRS = frozenset(("acknowledged",))
"""Of those, the ones whose detail is the agency's own affair."""


def incident_message(row: IncidentRow, events: Sequence[EventRow] = (), *, whole: bool = True) -> incident_pb2.Incident:
    """Not `whole`: without what its customer need not know, such as who else shares the outage and who was paged how."""
    state = incident_pb2.Incident.STATE_OPEN if row.resolve_time is None else incident_pb2.Incident.STATE_RESOLVED
    return incident_pb2.Incident(
        name=f"incidents/{row.incident_id}",
        site=f"sites/{row.site_id}",
        check=f"sites/{row.site_id}/checks/{row.check_name}",
        customer=f"customers/{row.customer_id}",
        state=state,
        start_time=timestamp(row.start_time),
        confirm_time=timestamp(row.confirm_time),
        page_time=timestamp(row.page_time),
        acknowledge_time=timestamp(row.acknowledge_time),
        resolve_time=timestamp(row.resolve_time),
        cause=outcome_pb2.Cause.ValueType(row.cause),
        responsibility=outcome_pb2.Responsibility.ValueType(row.responsibility),
        regions=row.regions,
        detail=row.detail,
        close_reason=row.close_reason or "",
        simulated=row.simulated,
        confidence=row.confidence,
        cause_rule=row.cause_rule or "",
        cause_reason=row.cause_reason or "",
        reason=row.reason,
        group=(row.group_id or "") if whole else "",
        acknowledge_person=(row.acknowledge_person or "") if whole else "",
        events=[
            incident_pb2.IncidentEvent(
                time=timestamp(event.time), kind=event.kind, detail=public_detail(event.kind, event.detail, whole=whole)
            )
            for event in events
            if whole or event.kind in PUBLIC_EVENTS
        ],
    )


def public_detail(kind: str, detail: str, *, whole: bool) -> str:
    """An event's detail, as far as the reader may know it."""
    return "" if kind in _OWN_AFFAIRS and not whole else detail


def correction_message(row: CorrectionRow) -> incident_pb2.Correction:
    return incident_pb2.Correction(
        time=timestamp(row.time),
        author=row.author,
        reason=row.reason,
        counted=row.counted,
        responsibility=outcome_pb2.Responsibility.ValueType(row.responsibility or 0),
    )
