"""The api on servers of the test's own."""

from collections.abc import AsyncIterator

import pytest
from api_server import Api, running_api

from aggregator.migrate import migrate


@pytest.fixture
def migrated_url(database_url: str) -> str:
    """A fresh database with the schema in it."""
    migrate(database_url)
    return database_url


@pytest.fixture
async def api(migrated_url: str, nats_url: str) -> AsyncIterator[Api]:
    """A running api that nothing has been declared to."""
    async with running_api(migrated_url, nats_url) as running:
        yield running
