"""PostgreSQL and Redis (Valkey) for people who have neither running: development, tests, a single box."""

from __future__ import annotations

from milepost.embedded.errors import DataFolderInUse, EmbeddedError, ServerDied, ServerNotFound
from milepost.embedded.locate import locate_postgres, locate_redis
from milepost.embedded.postgres import EmbeddedPostgres
from milepost.embedded.redis import EmbeddedRedis

__all__ = [
    "DataFolderInUse",
    "EmbeddedError",
    "EmbeddedPostgres",
    "EmbeddedRedis",
    "ServerDied",
    "ServerNotFound",
    "locate_postgres",
    "locate_redis",
]
