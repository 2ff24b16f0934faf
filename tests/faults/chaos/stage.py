"""What a fault is done to: the site, its processes, their lines, and the clients that submit marked jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from tests.faults.chaos.lines import Lines
from tests.faults.chaos.load import Load
from tests.faults.chaos.posts import Post
from tests.faults.site import Site

AWAY = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.CannotConnectNowError, TimeoutError)


class NotDone(Exception):
    """A fault that changed nothing for anybody, with the reason."""


@dataclass(frozen=True, slots=True)
class Stage:
    """`lease`: seconds."""

    site: Site
    posts: Mapping[str, Post]
    lines: Lines
    load: Load
    lease: float

    async def fetch(self, sql: str, *args: Any, limit: float = 600) -> list[Any]:
        """As the database's owner, past all proxies; tried until PostgreSQL answers."""
        async with asyncio.timeout(limit):
            while True:
                try:
                    connection = await asyncpg.connect(self.site.addresses.owner, timeout=10)
                    try:
                        return await connection.fetch(sql, *args)
                    finally:
                        await connection.close(timeout=2)
                except AWAY:
                    await asyncio.sleep(0.1)
