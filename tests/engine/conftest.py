"""Maintenance's own view of a tenant's database, and a doorbell of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from arq import ArqRedis

from milepost.db.tenants import TenantDatabase, open_database
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell
from tests.db_fixtures import OPTIONS, Urls


@pytest.fixture
async def maintenance(urls: Urls) -> AsyncIterator[TenantDatabase]:
    """The tenant's database as maintenance uses it."""
    opened = await open_database("default", urls.maintenance, OPTIONS)
    yield opened
    await opened.close()


@pytest.fixture
async def redis(redis_server) -> AsyncIterator[ArqRedis]:
    """A Redis database of this room's own, empty."""
    client = connect(redis_server.url.removesuffix("/0") + "/8")
    await client.flushdb()
    yield client
    await client.flushdb()
    await client.aclose()


@pytest.fixture
async def doorbell(redis: ArqRedis, redis_server) -> AsyncIterator[Doorbell]:
    bell = Doorbell(connect(redis_server.url.removesuffix("/0") + "/8"), installation="here", patience=1.0)
    yield bell
    await bell.aclose()
