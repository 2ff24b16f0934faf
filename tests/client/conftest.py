"""A client of the room's one real stack."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from milepost.client import Client
from tests.cli.conftest import stack
from tests.cli.running import Up

__all__ = ["stack"]


@pytest_asyncio.fixture
async def client(stack: Up) -> AsyncIterator[Client]:
    async with Client.of_stack(stack.folder) as made:
        yield made
