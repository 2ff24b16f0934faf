"""The run in here has servers and processes of its own; its parts are tried on a site where no process is at work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.chaos import trigger
from tests.faults.chaos.journal import Journal
from tests.faults.chaos.load import Load
from tests.faults.chaos.stage import Stage
from tests.faults.ground import Ground
from tests.faults.site import Figure, open_site
from tests.servers.messages_api import ModelServer


@pytest.fixture(autouse=True)
def clean() -> None:
    """In place of the one that would start a site."""


@pytest_asyncio.fixture
async def stage(ground: Ground, figure: Figure, tmp_path: Path) -> AsyncIterator[Stage]:
    """Servers and a database, and no process at work."""
    async with ModelServer() as models, open_site(ground, models, tmp_path, figure) as site:
        await site.owner.execute(trigger.INSTALL)
        with Journal(tmp_path / "journal") as journal:
            async with await site.client() as client:
                yield Stage(site, {}, {}, Load(client, journal, seed=1, rate=1), 4)
