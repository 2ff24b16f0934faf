"""Whether a Redis is this installation's: asked before any process of the stack rings or takes anything there."""

from __future__ import annotations

from collections.abc import Callable

from milepost.cli import exits
from milepost.db.tenants import DatabaseOptions, open_database
from milepost.domain.errors import Unavailable
from milepost.queue.about import about
from milepost.queue.connection import connect
from milepost.tenancy.directory import Directory


async def check_redis(redis_url: str, control_url: str, report: Callable[[str], None]) -> None:
    """Raises Exit for another installation's. One that is away is only told of: the processes wait for it."""
    try:
        owner = await _owner(redis_url)
    except Unavailable as error:
        report(f"{error} Jobs are taken in, and run when it is. {error.hint or ''}".rstrip())
        return
    if owner not in {None, await _installation(control_url)}:
        raise exits.Exit(
            exits.REFUSED,
            f"This Redis belongs to another installation, {owner}. Nothing in it was touched.",
            hint="Give every installation a Redis, or a Redis database number, of its own: MILEPOST_REDIS_URL.",
        )


async def _owner(redis_url: str) -> str | None:
    redis = connect(redis_url, timeout=2.0)
    try:
        return (await about(redis)).installation
    finally:
        await redis.aclose()


async def _installation(control_url: str) -> str:
    control = await open_database("control", control_url, DatabaseOptions())
    try:
        return await Directory(control.connections, b"", known={}, environment=lambda _: None).installation()
    finally:
        await control.close()
