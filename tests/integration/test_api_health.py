"""gRPC's own health protocol: an api without its database does not serve, and says so."""

import asyncio

import pytest
from api_server import running_api
from grpc_health.v1 import health_pb2, health_pb2_grpc
from servers import PostgresServer

from aggregator.migrate import migrate

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.mark.parametrize("service", ["", "quivive.v1.SiteService"])
async def test_health_goes_with_the_database(postgres_server: PostgresServer, nats_url: str, service: str) -> None:
    migrate(postgres_server.url)
    async with running_api(postgres_server.url, nats_url) as api, asyncio.timeout(60):
        watch = health_pb2_grpc.HealthStub(api.channel).Watch(health_pb2.HealthCheckRequest(service=service))
        told = (answer.status async for answer in watch)
        assert await anext(told) == SERVING
        await asyncio.to_thread(postgres_server.kill)
        assert await anext(told) == NOT_SERVING
        await asyncio.to_thread(postgres_server.start)
        assert await anext(told) == SERVING
        watch.cancel()
