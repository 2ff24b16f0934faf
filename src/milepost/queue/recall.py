"""Tells whether Redis may have forgotten bells: after FLUSHALL the note is gone, after a restart it names another run."""

from __future__ import annotations

import secrets
from typing import Any

from arq import ArqRedis

from milepost.queue.connection import Script

NOTES_KEY = "milepost:recall"


class Recall:
    """Notes per scope (a tenant's kind) under which run of the server its bells were last known to be complete."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis
        self._script = Script("recall")

    async def begin(self, scope: str) -> str | None:
        """A token if bells of the scope may be missing; None when Redis has forgotten nothing."""
        client: Any = self._redis
        run = await self._run()
        note: bytes | None = await client.hget(NOTES_KEY, scope)
        if note is not None and note.decode() == run:
            return None
        token = f"walk {run} {secrets.token_hex(8)}"
        await client.hset(NOTES_KEY, scope, token)
        return token

    async def end(self, scope: str, token: str) -> bool:
        """False: Redis forgot, or restarted, while the walk went on, so it must be done again."""
        run = token.split(" ")[1]
        if await self._run() != run:
            return False
        return bool(await self._script(self._redis, [NOTES_KEY], [scope, token, run]))

    async def _run(self) -> str:
        client: Any = self._redis
        server: dict[str, Any] = await client.info("server")
        return str(server.get("run_id", "unknown"))
