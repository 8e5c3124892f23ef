"""Figures over a real server and database: parts, budgets, times, responses, both readings, latency, all sites."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import grpc
import pytest
from api_server import CONFIGURATION, Api, refusal
from google.protobuf.timestamp_pb2 import Timestamp

from quivive.domain.words import State
from quivive.v1 import report_pb2, sla_pb2

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
HOUR_US = 3_600_000_000


@pytest.fixture
async def watched(api: Api) -> Api:
    """Boulangerie Martin, in Paris, on a plan with business hours and an objective; watched from MONDAY on."""
    configuration = deepcopy(CONFIGURATION)
    configuration["plans"] = [
        {
            "id": "office", "title": "Office", "interval": "1min", "objective": 0.99, "response_target": "1h",
            "business_hours": "MON-FRI 09:00-18:00", "channels": ["email"],
        }
    ]  # fmt: skip
    configuration["customers"][0] |= {"plan": "office", "holidays": "FR"}
    del configuration["sites"][0]["maintenance"]
    await api.apply(configuration)
    api.born("martin-www", MONDAY)
    return api


def timestamp(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def question(subject: str, start: datetime, end: datetime, **more: Any) -> sla_pb2.QuerySlaRequest:
    return sla_pb2.QuerySlaRequest(subject=subject, start_time=timestamp(start), end_time=timestamp(end), **more)


async def figure(api: Api, start: datetime, end: datetime, **more: Any) -> Any:
    answer = await api.sla.QuerySla(question("sites/martin-www", start, end, **more))
    (only,) = answer.figures
    return only


async def test_a_window_s_parts_add_up_and_are_cut_in_the_customer_s_zone(watched: Api) -> None:
    watched.intervals("martin-www", (MONDAY, MONDAY + 30 * HOUR, State.UP), (MONDAY + 30 * HOUR, None, State.DOWN))
    whole = await figure(watched, MONDAY, MONDAY + 48 * HOUR, granularity=sla_pb2.GRANULARITY_DAY)
    # Paris is an hour ahead.
    assert [bucket.start_time.ToDatetime(UTC) for bucket in whole.buckets] == [
        MONDAY, MONDAY + 23 * HOUR, MONDAY + 47 * HOUR,
    ]  # fmt: skip
    assert [bucket.reading.down_us for bucket in whole.buckets] == [0, 17 * HOUR_US, HOUR_US]
    assert sum(bucket.reading.up_us for bucket in whole.buckets) == whole.up_us == 30 * HOUR_US


async def test_too_many_parts_are_refused(watched: Api) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await figure(watched, MONDAY - timedelta(days=1500), MONDAY, granularity=sla_pb2.GRANULARITY_HOUR)
    assert refusal(caught.value).reason == "TOO_FINE"


async def test_budget_times_and_response_are_the_plan_s(watched: Api) -> None:
    down = MONDAY + timedelta(hours=16, minutes=30)  # 17:30 in Paris, half an hour before closing time
    watched.intervals(
        "martin-www", (MONDAY, down, State.UP), (down, down + 17 * HOUR, State.DOWN), (down + 17 * HOUR, None, State.UP)
    )
    watched.incident("martin-www", "inc", down, down + 17 * HOUR)
    page, answered = down + 6 * MINUTE / 60, down + timedelta(hours=15, minutes=50)
    watched.rows("UPDATE quivive.incidents SET page_time = %s, acknowledge_time = %s", page, answered)
    found = await figure(watched, MONDAY, MONDAY + 100 * HOUR)
    assert (found.objective, found.error_budget_us, found.error_budget_left_us) == (0.99, HOUR_US, -16 * HOUR_US)
    assert [(burn.window_us // HOUR_US, burn.rate) for burn in found.burn_rates] == [(1, 0), (0, 0), (6, 0), (0, 0)]
    assert (found.times.failures, found.times.detect_us, found.times.repair_us) == (1, 6_000_000, 17 * HOUR_US)
    assert found.times.between_failures_us == 83 * HOUR_US
    # Half an hour on Monday and twenty minutes on Tuesday.
    assert (found.responses.met, found.responses.breached) == (1, 0)
    watched.rows("UPDATE quivive.incidents SET acknowledge_time = acknowledge_time + interval '11 min'")
    assert (await figure(watched, MONDAY, MONDAY + 100 * HOUR)).responses.breached == 1


async def test_maintenance_declared_after_the_fact_is_another_reading(watched: Api) -> None:
    down = MONDAY + 10 * HOUR
    watched.intervals(
        "martin-www", (MONDAY, down, State.UP), (down, down + HOUR, State.DOWN), (down + HOUR, None, State.UP)
    )
    before = await figure(watched, MONDAY, MONDAY + 24 * HOUR)
    assert not before.HasField("corrected")
    site = {key: value for key, value in CONFIGURATION["sites"][0].items() if key != "maintenance"}
    announced = {"start": (down - HOUR).isoformat(), "duration": "3h"}
    event = f"BEGIN:VEVENT\nUID:late\nDTSTART:{down:%Y%m%dT%H%M%SZ}\nDURATION:PT30M\nEND:VEVENT"
    await watched.apply({"sites": [{**site, "maintenance": [announced, {"ical": event}]}]})
    after = await figure(watched, MONDAY, MONDAY + 24 * HOUR)
    assert (after.down_us, after.maintenance_us, after.availability) == (HOUR_US, 0, before.availability)
    assert (after.corrected.down_us, after.corrected.maintenance_us) == (0, 3 * HOUR_US)
    assert after.corrected.availability == 1
    assert [(s.start_time.ToDatetime(UTC), s.end_time.ToDatetime(UTC)) for s in after.late_maintenance] == [
        (down - HOUR, down + 2 * HOUR), (down, down + HOUR / 2),
    ]  # fmt: skip


async def test_a_report_names_what_was_declared_after_the_fact(watched: Api) -> None:
    down = MONDAY + 10 * HOUR
    watched.intervals(
        "martin-www", (MONDAY, down, State.UP), (down, down + HOUR, State.DOWN), (down + HOUR, None, State.UP)
    )
    site = {key: value for key, value in CONFIGURATION["sites"][0].items() if key != "maintenance"}
    await watched.apply({"sites": [{**site, "maintenance": [{"start": down.isoformat(), "duration": "1h"}]}]})
    report = await watched.reports.RenderReport(
        report_pb2.RenderReportRequest(customer="customers/martin", month="2026-03")
    )
    text = unescape(report.html)
    assert "a été déclarée après son début" in text
    assert "selon les mesures" in text


async def test_an_outage_that_does_not_count_is_left_out_of_the_other_reading_only(watched: Api) -> None:
    down = MONDAY + 10 * HOUR
    watched.intervals(
        "martin-www", (MONDAY, down, State.UP), (down, down + HOUR, State.DOWN), (down + HOUR, None, State.UP)
    )
    watched.incident("martin-www", "theirs", down, down + HOUR)
    watched.rows("UPDATE quivive.state_intervals SET incident_id = 'theirs' WHERE state = 3")
    watched.rows(
        "INSERT INTO quivive.corrections (correction_id, incident_id, author, reason, counted)"
        " VALUES ('c1', 'theirs', 'Anne', 'the customer changed the name servers', false)"
    )
    found = await figure(watched, MONDAY, MONDAY + 20 * HOUR)
    assert (found.down_us, found.availability) == (HOUR_US, 0.95)
    assert (found.corrected.down_us, found.corrected.up_us, found.corrected.availability) == (0, 19 * HOUR_US, 1)
    assert list(found.excluded_incidents) == ["incidents/theirs"]


async def test_all_sites_at_once_are_as_each_alone(watched: Api) -> None:
    await watched.apply(
        {
            "customers": [{"id": "kathmandu", "name": "K", "plan": "basic", "timezone": "Asia/Kathmandu"}],
            "sites": [
                {
                    "id": "k-www", "customer": "kathmandu", "url": "https://k.example/",
                    "maintenance": [{"cron": "30 2 * * *", "duration": "90min"}],
                    "checks": [{"name": "cart", "url": "https://k.example/cart"}],
                },
                {"id": "new", "customer": "kathmandu", "url": "https://new.example/"},
            ],
        }
    )  # fmt: skip
    watched.born("k-www", MONDAY)
    watched.intervals("martin-www", (MONDAY, MONDAY + HOUR, State.UP), (MONDAY + HOUR, None, State.DOWN))
    watched.intervals("k-www", (MONDAY, MONDAY + 9 * HOUR, State.UP), (MONDAY + 11 * HOUR, None, State.PARTIAL_OUTAGE))
    watched.intervals("k-www", (MONDAY, None, State.PAUSED), name="cart")
    watched.incident("martin-www", "inc", MONDAY + HOUR)
    answer = await watched.sla.QuerySla(sla_pb2.QuerySlaRequest(subject="customers/-", month="2026-03"))
    assert [found.site for found in answer.figures] == ["sites/martin-www", "sites/k-www", "sites/new"]
    for found in answer.figures:
        alone = await watched.sla.QuerySla(sla_pb2.QuerySlaRequest(subject=found.site, month="2026-03"))
        (only,) = alone.figures
        for field in ("up_us", "down_us", "unknown_us", "partial_us", "maintenance_us", "incidents", "availability"):
            assert getattr(found, field) == getattr(only, field), (found.site, field)
        assert found.start_time == alone.start_time
        assert found.end_time == alone.end_time
    assert answer.figures[1].maintenance_us > 0


async def test_latency_is_by_check_region_and_phase(watched: Api) -> None:
    check = watched.check_id("martin-www")
    counts = "[1:4]={98,null,null,2}"
    for table, hour in (("latency_hourly", MONDAY + 5 * HOUR), ("latency_hourly", MONDAY), ("latency_daily", MONDAY)):
        watched.rows(
            f"INSERT INTO quivive.{table} (check_id, region, bucket, results, up, down, total)"
            " SELECT %s, region_id, %s, 100, 100, 0, %s::integer[] FROM quivive.regions WHERE name = 'eu-west'",
            check, hour, counts,
        )  # fmt: skip
    request = sla_pb2.QueryLatencyRequest(
        subject="sites/martin-www", start_time=timestamp(MONDAY), end_time=timestamp(MONDAY + 24 * HOUR)
    )
    (found,) = (await watched.sla.QueryLatency(request)).figures
    assert (found.check, found.region, found.phase) == ("sites/martin-www/checks/http", "eu-west", "total")
    # The day stands for its hours.
    assert found.attempts == 100
    assert (found.p50_us, found.p99_us) == (98, 110)
    request.end_time.CopyFrom(timestamp(MONDAY + 6 * HOUR))
    (found,) = (await watched.sla.QueryLatency(request)).figures
    assert found.attempts == 200
