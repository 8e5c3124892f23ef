"""The api as a process: ports, signals, health, metrics, and what it does while broker or database are away."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any

import grpc
import httpx
import pytest
from api_server import CONFIGURATION, Api, refusal, running_api
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from servers import PostgresServer

from aggregator.migrate import migrate
from quivive.v1 import site_pb2, sla_pb2

WITHIN_S = 30


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def start(database_url: str, nats_url: str, **settings: object) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "QUIVIVE_DATABASE_URL": database_url,
        "QUIVIVE_NATS_URL": nats_url,
        **{f"QUIVIVE_{name.upper()}": str(value) for name, value in settings.items()},
    }
    return subprocess.Popen(
        [sys.executable, "-m", "api"], env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


async def until(condition: Callable[[], Any]) -> None:
    """Wait until an asynchronous condition holds; what it raises counts as not yet."""
    deadline = monotonic() + WITHIN_S
    while True:
        try:
            if await condition():
                return
        except (httpx.TransportError, grpc.aio.AioRpcError):
            pass
        assert monotonic() < deadline
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("setting", ["grpc_port", "http_port"])
def test_a_busy_port_is_one_clear_line_and_exit_code_2(migrated_url: str, nats_url: str, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        ports = {"grpc_port": 0, "http_port": 0, setting: port}
        process = start(migrated_url, nats_url, **ports)
        _, errors = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 2
    assert errors == f"QUIVIVE_{setting.upper()}: cannot listen on 127.0.0.1 port {port}: Address already in use\n"


def test_a_wrong_setting_is_one_clear_line_and_exit_code_2(migrated_url: str, nats_url: str) -> None:
    process = start(migrated_url, nats_url, min_interval="10")
    _, errors = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 2
    assert errors == "QUIVIVE_MIN_INTERVAL: Value error, 10 has no unit, write 10s\n"


async def test_sigterm_ends_it_within_seconds_even_with_the_broker_away(migrated_url: str) -> None:
    http_port = free_port()
    process = start(migrated_url, f"nats://127.0.0.1:{free_port()}", grpc_port=0, http_port=http_port)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{http_port}", trust_env=False) as web:

            async def ready() -> bool:
                return (await web.get("/readyz")).status_code == 200

            await until(ready)
            assert (await web.get("/")).status_code == 200
        process.send_signal(signal.SIGTERM)
        begun = monotonic()
        _, errors = await asyncio.to_thread(process.communicate, timeout=WITHIN_S)
        assert process.returncode == 0
        assert monotonic() - begun < 5
        assert "api.stopped" in errors
        assert "Traceback" not in errors
    finally:
        process.kill()


async def test_health_and_reflection_are_on(api: Api) -> None:
    health = health_pb2_grpc.HealthStub(api.channel)
    for service in ("", "quivive.v1.SiteService", "quivive.v1.ConfigurationService"):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflection = reflection_pb2_grpc.ServerReflectionStub(api.channel)
    call = reflection.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
    listed = [service.name async for answer in call for service in answer.list_services_response.service]
    assert {
        f"quivive.v1.{name}Service" for name in ("Site", "Incident", "Sla", "Region", "Configuration", "Report")
    } < set(listed)


async def test_requests_are_counted_and_timed(api: Api) -> None:
    await api.sites.ListSites(site_pb2.ListSitesRequest())
    with pytest.raises(grpc.aio.AioRpcError):
        await api.sites.GetSite(site_pb2.GetSiteRequest(name="sites/nobody"))
    text = (await api.web.get("/metrics")).text
    assert 'quivive_api_requests_total{code="OK",method="/quivive.v1.SiteService/ListSites"}' in text
    assert 'quivive_api_requests_total{code="NOT_FOUND",method="/quivive.v1.SiteService/GetSite"}' in text
    assert 'quivive_api_request_seconds_count{method="/quivive.v1.SiteService/ListSites"}' in text


async def test_a_deadline_is_kept_while_the_database_is_held_up(api: Api) -> None:
    import psycopg

    with psycopg.connect(api.database_url) as connection:
        connection.execute("LOCK TABLE quivive.sites IN ACCESS EXCLUSIVE MODE")
        begun = monotonic()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await api.sites.ListSites(site_pb2.ListSitesRequest(), timeout=0.5)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert monotonic() - begun < 3
    await api.sites.ListSites(site_pb2.ListSitesRequest())


async def test_an_unexpected_fault_is_internal_and_says_nothing_of_itself(api: Api) -> None:
    await api.apply(CONFIGURATION)
    # A value that no version of ours ever wrote.
    api.rows("UPDATE quivive.customers SET timezone = 'Not/A-Zone, secret'")
    request = sla_pb2.QuerySlaRequest(subject="customers/martin")
    request.start_time.GetCurrentTime()
    request.start_time.seconds -= 60
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await api.sla.QuerySla(request)
    answer = refusal(caught.value)
    assert (answer.code, answer.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in str(caught.value)


async def test_it_outlives_a_restart_of_the_database(postgres_server: PostgresServer, nats_url: str) -> None:
    migrate(postgres_server.url)
    async with running_api(postgres_server.url, nats_url) as api:
        await api.apply(CONFIGURATION)
        postgres_server.kill()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await api.sites.ListSites(site_pb2.ListSitesRequest())
        answer = refusal(caught.value)
        assert (answer.code, answer.reason) == (grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE")
        page = await api.web.get("/")
        assert page.status_code == 503
        assert page.headers["retry-after"] == "5"
        assert 'http-equiv="refresh"' in page.text
        assert (await api.web.get("/readyz")).status_code == 503
        assert (await api.web.get("/livez")).status_code == 200
        postgres_server.start()

        async def back() -> bool:
            return len((await api.sites.ListSites(site_pb2.ListSitesRequest())).sites) == 1

        await until(back)
        assert (await api.web.get("/")).status_code == 200


async def test_a_database_without_schema_is_said_to_be_so(database_url: str, nats_url: str) -> None:
    async with running_api(database_url, nats_url) as api:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await api.sites.ListSites(site_pb2.ListSitesRequest())
        assert refusal(caught.value).reason == "DATABASE_NOT_MIGRATED"
        ready = await api.web.get("/readyz")
        assert (ready.status_code, ready.text) == (503, "the database has no schema yet\n")
