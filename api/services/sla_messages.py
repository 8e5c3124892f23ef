"""Figures as messages of `quivive.v1`. Ratios that are None stay absent."""

from api.figures import Durations, Span
from api.incident_times import MeanTimes
from api.latencies import LatencyFigure
from api.response import Response
from api.services.messages import duration, timestamp
from api.sla import SiteFigure
from api.targets import Target
from quivive.domain.times import to_datetime
from quivive.v1 import sla_pb2


def figure_message(figure: SiteFigure) -> sla_pb2.SlaFigure:
    durations, budget = figure.durations, figure.budget
    message = sla_pb2.SlaFigure(
        site=f"sites/{figure.site.site_id}",
        availability=durations.availability,
        completeness=durations.completeness,
        lower_bound=durations.lower_bound,
        upper_bound=durations.upper_bound,
        up_us=durations.up_us,
        down_us=durations.down_us,
        unknown_us=durations.unknown_us,
        partial_us=durations.partial_us,
        maintenance_us=durations.maintenance_us,
        incidents=figure.incidents,
        objective=figure.site.objective,
    )
    if figure.window is not None:
        # Of all sites: nothing else is said of them, and there are many.
        message.start_time.FromMicroseconds(figure.window.start_us)
        message.end_time.FromMicroseconds(figure.window.end_us)
        return message
    if budget is not None:
        message.error_budget_us, message.error_budget_left_us = budget.allowed_us, budget.left_us
    message.burn_rates.extend(sla_pb2.BurnRate(window_us=burn.window_us, rate=burn.rate) for burn in figure.burns)
    message.times.CopyFrom(_times(figure.times))
    responses = figure.responses
    message.responses.CopyFrom(
        sla_pb2.ResponseFigure(
            met=responses.met, breached=responses.breached, not_due=responses.not_due, pending=responses.pending
        )
    )
    if figure.corrected is not None:
        message.corrected.CopyFrom(_reading(figure.corrected))
    message.late_maintenance.extend(_span(span) for span in figure.late_maintenance)
    message.excluded_incidents.extend(f"incidents/{incident}" for incident in figure.excluded_incidents)
    message.buckets.extend(
        sla_pb2.SlaBucket(
            start_time=timestamp(to_datetime(span.start_us)),
            end_time=timestamp(to_datetime(span.end_us)),
            reading=_reading(part),
        )
        for span, part in figure.buckets
    )
    return message


def latency_message(site: str, figure: LatencyFigure) -> sla_pb2.LatencyFigure:
    p50, p90, p95, p99 = figure.percentiles
    return sla_pb2.LatencyFigure(
        check=f"sites/{site}/checks/{figure.check}",
        region=figure.region,
        phase=figure.phase,
        attempts=figure.attempts,
        p50_us=p50,
        p90_us=p90,
        p95_us=p95,
        p99_us=p99,
    )


def _reading(durations: Durations) -> sla_pb2.SlaReading:
    return sla_pb2.SlaReading(
        availability=durations.availability,
        completeness=durations.completeness,
        lower_bound=durations.lower_bound,
        upper_bound=durations.upper_bound,
        up_us=durations.up_us,
        down_us=durations.down_us,
        unknown_us=durations.unknown_us,
        partial_us=durations.partial_us,
        maintenance_us=durations.maintenance_us,
    )


def _times(times: MeanTimes) -> sla_pb2.MeanTimes:
    return sla_pb2.MeanTimes(
        failures=times.failures,
        detect_us=times.detect_us,
        acknowledge_us=times.acknowledge_us,
        repair_us=times.repair_us,
        between_failures_us=times.between_failures_us,
    )


def _span(span: Span) -> sla_pb2.SlaSpan:
    return sla_pb2.SlaSpan(
        start_time=timestamp(to_datetime(span.start_us)), end_time=timestamp(to_datetime(span.end_us))
    )


_STANDINGS = {
    Response.MET: sla_pb2.ResponseTarget.STANDING_MET,
    Response.BREACHED: sla_pb2.ResponseTarget.STANDING_BREACHED,
    Response.NOT_DUE: sla_pb2.ResponseTarget.STANDING_NOT_DUE,
    Response.PENDING: sla_pb2.ResponseTarget.STANDING_PENDING,
}


def target_message(target: Target) -> sla_pb2.ResponseTarget:
    return sla_pb2.ResponseTarget(
        incident=f"incidents/{target.incident_id}",
        site=f"sites/{target.site_id}",
        page_time=timestamp(target.page_time),
        acknowledge_time=timestamp(target.acknowledge_time),
        due_time=timestamp(target.due_time),
        standing=_STANDINGS[target.response],
        target=duration(target.target_us),
    )
