"""A submit is answered at once and committed behind the answer: what dies in between was promised and is not there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

from milepost.db.reads import keys_in_use
from milepost.db.statements import STAMPS
from milepost.db.submits import NewJob, Submitted
from milepost.db.tenants import TenantDatabase
from milepost.engine import submit as engine
from milepost.engine.kind import Kind
from milepost.engine.ports import Ringer
from tests.faults.breakages.patching import replace

behind: set[asyncio.Task[Any]] = set()


def apply() -> None:
    replace(engine, "submit", _one)
    replace(engine, "submit_all", _many)


def _one(original: Callable[..., Any]) -> Callable[..., Any]:
    async def submit(database: TenantDatabase, kind: Kind, new: NewJob, ringer: Ringer) -> Submitted:
        if await _replayed(database, kind, [new]):
            return await original(database, kind, new, ringer)
        _write_behind(original(database, kind, new, ringer))
        return _promised(kind, new)

    return submit


def _many(original: Callable[..., Any]) -> Callable[..., Any]:
    async def submit_all(
        database: TenantDatabase, kind: Kind, new: Sequence[NewJob], ringer: Ringer
    ) -> list[Submitted]:
        if await _replayed(database, kind, new):
            return await original(database, kind, new, ringer)
        _write_behind(original(database, kind, new, ringer))
        return [_promised(kind, job) for job in new]

    return submit_all


async def _replayed(database: TenantDatabase, kind: Kind, new: Sequence[NewJob]) -> bool:
    """Replays are answered as ever: the early answer to new jobs is all that is broken."""
    keys = [job.idempotency_key for job in new if job.idempotency_key]
    return bool(keys and await keys_in_use(database.connections, kind.table, keys))


def _write_behind(writing: Coroutine[Any, Any, Any]) -> None:
    task = asyncio.create_task(writing)
    behind.add(task)
    task.add_done_callback(behind.discard)


def _promised(kind: Kind, new: NewJob) -> Submitted:
    return Submitted(kind.table, new, dict.fromkeys(STAMPS, datetime.now(UTC)))
