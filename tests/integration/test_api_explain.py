"""Why was I not paged at 03:12? Asked of a real api."""

from datetime import timedelta

import grpc
import pytest
from api_server import CONFIGURATION, Api, refusal
from google.protobuf.timestamp_pb2 import Timestamp
from psycopg.types.json import Jsonb

from quivive.domain.times import to_datetime
from quivive.domain.words import State
from quivive.v1 import incident_pb2, outcome_pb2

NOON = to_datetime(1_790_000_000_000_000)
VOTES = [
    {"region": "ap-south", "standing": "blind"},
    {"region": "eu-west", "standing": "counted", "up": False, "end_time": "2026-09-21T14:13:19.000Z"},
]


def request(name: str = "sites/martin-www") -> incident_pb2.ExplainVerdictRequest:
    moment = Timestamp()
    moment.FromDatetime(NOON)
    return incident_pb2.ExplainVerdictRequest(name=name, time=moment)


@pytest.fixture
async def watched(api: Api) -> Api:
    await api.apply(CONFIGURATION)
    api.born("martin-www", NOON - timedelta(days=1))
    return api


def decide(api: Api, kind: str, incident: str | None, reason: str) -> None:
    api.rows(
        "INSERT INTO quivive.decisions VALUES (%s, %s, %s, %s, NULL, %s, %s, 2, %s)",
        *(api.check_id("martin-www"), NOON, kind, NOON, incident, reason, Jsonb(VOTES)),
    )


async def test_a_suspicion_that_was_called_off_is_told_with_the_votes_of_then(watched: Api) -> None:
    watched.intervals("martin-www", (NOON - timedelta(hours=1), None, State.UP))
    decide(watched, "suspicion.retracted", None, "ap-south, us-east found it up")
    answer = await watched.incidents.ExplainVerdict(request())
    assert not answer.paged
    assert answer.summary.endswith("called off: ap-south, us-east found it up.")
    assert answer.state == outcome_pb2.STATE_UP
    assert [(v.region, v.standing, v.HasField("up")) for v in answer.votes] == [
        ("ap-south", "blind", False),
        ("eu-west", "counted", True),
    ]
    assert answer.quorum == 2


async def test_an_incident_tells_its_votes(watched: Api) -> None:
    watched.incident("martin-www", "i1", NOON)
    decide(watched, "incident.confirmed", "i1", "2 of 3 regions found it down, 2 are needed")
    answer = await watched.incidents.GetIncident(incident_pb2.GetIncidentRequest(name="incidents/i1"))
    assert [vote.region for vote in answer.votes] == ["ap-south", "eu-west"]
    explained = await watched.incidents.ExplainVerdict(request("sites/martin-www/checks/http"))
    assert "incident i1 was confirmed" in explained.summary


async def test_a_check_that_there_never_was_is_refused(watched: Api) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await watched.incidents.ExplainVerdict(request("sites/nobody"))
    assert refusal(caught.value).reason == "CHECK_NOT_FOUND"
