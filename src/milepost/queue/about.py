"""What a Redis says about itself, for people who look after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from arq import ArqRedis

from milepost.domain.errors import Unavailable
from milepost.queue import wire
from milepost.queue.connection import REDIS_ERRORS, eviction_policy


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """`installation`: whose bells it holds; None before the first. `eviction` None: the server does not tell."""

    name: str
    version: str
    append_only: bool
    eviction: str | None
    installation: str | None


async def about(redis: ArqRedis) -> RedisFacts:
    """Raises Unavailable."""
    client: Any = redis
    try:
        server: dict[str, Any] = await client.info()
        installation: bytes | None = await client.get(wire.INSTALLATION_KEY)
        eviction = await eviction_policy(client)
    except REDIS_ERRORS as error:
        raise Unavailable(server="Redis", hint=str(error)) from error
    return RedisFacts(
        name=str(server.get("server_name", "redis")),
        version=str(server.get("valkey_version") or server.get("redis_version")),
        append_only=bool(server.get("aof_enabled")),
        eviction=eviction,
        installation=installation.decode() if installation else None,
    )
