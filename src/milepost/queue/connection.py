"""A Redis client as arq wants it, with an end to every wait, and the scripts that run inside Redis."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Any, cast

from arq import ArqRedis
from redis.exceptions import NoScriptError, RedisError

from milepost.domain.address import ENCODE
from milepost.domain.errors import ConfigurationError
from milepost.queue import wire

REDIS_ERRORS = (RedisError, OSError)


def connect(url: str, *, timeout: float = 5.0, max_connections: int | None = None) -> ArqRedis:
    """A client for `redis://`, `rediss://` or `unix://`. Connects when first used; no command waits past `timeout`.

    Raises ConfigurationError for an address that is none, which it does not repeat: it may hold a password.
    """
    try:
        client: ArqRedis = cast("Any", ArqRedis).from_url(
            url, socket_timeout=timeout, socket_connect_timeout=min(timeout, 2.0), max_connections=max_connections
        )
        pool: Any = client.connection_pool
        pool.connection_class(
            **pool.connection_kwargs
        )  # says now, not at the first command, which option there is none
    except (ValueError, TypeError, RedisError):
        hint = f"Like redis://127.0.0.1:6379/0; rediss:// and unix:// are the other schemes. {ENCODE}"
        raise ConfigurationError("The setting redis_url is no address of a Redis.", hint=hint) from None
    client.job_serializer, client.job_deserializer = wire.dump, wire.load
    client.expires_extra_ms = wire.BODY_LIFE_MS
    return client


class Script:
    """A Lua script beside this module, sent by its digest and loaded when Redis does not know it."""

    def __init__(self, name: str) -> None:
        self._source = resources.files("milepost.queue").joinpath("scripts", f"{name}.lua").read_text()
        self._digest = hashlib.sha1(self._source.encode()).hexdigest()  # noqa: S324 - the name Redis gives it

    async def __call__(self, redis: Any, keys: list[str], args: list[Any]) -> Any:
        try:
            return await redis.execute_command("EVALSHA", self._digest, len(keys), *keys, *args)
        except NoScriptError:
            await self.load(redis)
            return await redis.execute_command("EVALSHA", self._digest, len(keys), *keys, *args)

    async def load(self, redis: Any) -> None:
        await redis.script_load(self._source)

    def queue_on(self, pipe: Any, keys: list[str], args: list[Any]) -> None:
        """Adds the call to a pipeline, whose answer may then be a NoScriptError."""
        pipe.execute_command("EVALSHA", self._digest, len(keys), *keys, *args)


async def eviction_policy(redis: Any) -> str | None:
    """Redis' `maxmemory-policy`; None where the server does not tell."""
    try:
        answer: dict[str, str] = await redis.config_get("maxmemory-policy")
    except REDIS_ERRORS:
        return None
    return answer.get("maxmemory-policy")
