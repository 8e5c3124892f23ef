"""Whatever is asked, the answer is an answer: never INTERNAL or UNKNOWN, never a hang, never a trace, always one ErrorInfo."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import grpc
import psycopg
import pytest
from api_server import CONFIGURATION, Api, refusal, running_api
from calling import methods
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import requests
from servers import NatsServer

from aggregator.migrate import migrate
from api.auth.permissions import PERMISSIONS

EXAMPLES = 12
WITHIN_S = 20.0
STREAM_S = 0.3
REFUSALS = frozenset(grpc.StatusCode) - {
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}


METHODS = {name: method for name, method in methods().items() if name in PERMISSIONS}


class Served:
    """An api in a thread of its own, so that hypothesis may call it from a test that is not asynchronous."""

    def __init__(self, database_url: str, nats_url: str) -> None:
        self._urls = database_url, nats_url
        self._started, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        assert self._started.wait(60)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.api.ports.grpc}")
        self.shown = (("authorization", f"Bearer {self.api.token}"),)

    async def _run(self) -> None:
        async with running_api(*self._urls, api_rate=1e6, api_burst=1e6) as api:
            self.api: Api = api
            await api.apply(CONFIGURATION)
            api.incident("martin-www", "open-1", datetime(2026, 3, 1, tzinfo=UTC))
            self._started.set()
            await asyncio.to_thread(self._stop.wait)

    def close(self) -> None:
        self.channel.close()
        self._stop.set()
        self._thread.join()


@pytest.fixture(scope="module")
def served(postgresql_admin_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    broker = NatsServer(tmp_path_factory.mktemp("nats")).start()
    name = f"quivive_hostile_{uuid4().hex[:12]}"
    with psycopg.connect(postgresql_admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    url = f"{postgresql_admin_url.rpartition('/')[0]}/{name}"
    migrate(url)
    running = Served(url, broker.url)
    yield running
    running.close()
    broker.stop()
    with psycopg.connect(postgresql_admin_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.mark.parametrize("name", sorted(METHODS))
@given(data=st.data())
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_any_request_gets_an_answer_or_a_refusal_that_says_why(served: Served, name: str, data: st.DataObject) -> None:
    method = METHODS[name]
    request = data.draw(requests(GetMessageClass(method.input_type)))
    if name.endswith("/CheckNow") and request.wait.seconds >= 0:  # no agent is there to answer
        request.wait.FromMilliseconds(20)
    try:
        call(served, name, method, request)
    except grpc.RpcError as error:
        if not (method.server_streaming and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED):
            check_refusal(error, f"{name} {request}")


def check_refusal(error: Any, asked: str) -> None:
    assert error.code() in REFUSALS, (asked, error)
    answer = refusal(error)
    assert answer.domain == "quivive"
    assert answer.reason
    assert "Traceback" not in answer.message
    assert len(answer.message) <= 500


def call(served: Served, name: str, method: Any, request: Message) -> None:
    coders = {
        "request_serializer": lambda message: message.SerializeToString(),
        "response_deserializer": GetMessageClass(method.output_type).FromString,
    }
    if method.server_streaming:
        stream = served.channel.unary_stream(name, **coders)(request, timeout=STREAM_S, metadata=served.shown)
        for number, _ in enumerate(stream):
            if number >= 3:
                stream.cancel()
                return
    else:
        served.channel.unary_unary(name, **coders)(request, timeout=WITHIN_S, metadata=served.shown)


def test_every_method_of_the_contract_has_a_permission() -> None:
    assert {name for name in methods() if name not in PERMISSIONS} == set()
    ours = {name for name in PERMISSIONS if name.startswith("/quivive.")}
    assert ours - methods().keys() == set()
