import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client import Counter

from quivive import health


class Readiness:
    reason: str | None = None

    def __call__(self) -> str | None:
        return self.reason


@pytest.fixture
def readiness() -> Readiness:
    return Readiness()


@pytest.fixture
async def server(readiness: Readiness) -> AsyncIterator[health.HealthServer]:
    server = await health.serve("127.0.0.1", 0, readiness)
    yield server
    await server.close()


@pytest.fixture
async def client(server: health.HealthServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
        yield client


async def test_it_is_alive_whether_ready_or_not(client: httpx.AsyncClient, readiness: Readiness) -> None:
    readiness.reason = "no broker"
    assert (await client.get("/livez")).status_code == 200


async def test_readiness_names_what_is_missing(client: httpx.AsyncClient, readiness: Readiness) -> None:
    readiness.reason = "no broker"
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "no broker\n")
    readiness.reason = None
    assert (await client.get("/readyz")).status_code == 200


async def test_metrics_are_in_the_prometheus_format(client: httpx.AsyncClient) -> None:
    Counter("quivive_test_health_questions", "Asked of the health server.").inc()
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "quivive_test_health_questions_total 1.0" in answer.text


async def test_another_path_or_method_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/")).status_code == 404
    assert (await client.post("/livez")).status_code == 405


async def test_head_has_no_body(client: httpx.AsyncClient) -> None:
    answer = await client.head("/livez")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("request_", [b"x" * (health.MAX_REQUEST_BYTES + 1), b"hello\r\n\r\n", b""])
async def test_garbage_is_hung_up_on_and_hurts_nobody_else(
    server: health.HealthServer, client: httpx.AsyncClient, request_: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request_)
    writer.write_eof()
    assert not (await reader.read()).startswith(b"HTTP/1.1 200")
    writer.close()
    assert (await client.get("/livez")).status_code == 200


async def test_a_silent_client_does_not_hold_up_the_end(readiness: Readiness) -> None:
    server = await health.serve("127.0.0.1", 0, readiness)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    async with asyncio.timeout(2):
        await server.close()
        assert await reader.read() == b""
    writer.close()


async def test_a_taken_port_is_an_error(server: health.HealthServer, readiness: Readiness) -> None:
    with pytest.raises(OSError, match="address already in use"):
        await health.serve("127.0.0.1", server.port, readiness)
