"""A submit is answered at once and committed behind the answer: what dies in between was promised and is not there.

A promise is kept in mind, so that a replay is answered as ever by the process that made it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

from milepost.db.statements import STAMPS
from milepost.db.submits import NewJob, Submitted
from milepost.db.tenants import TenantDatabase
from milepost.engine import submit as engine
from milepost.engine.kind import Kind
from milepost.engine.ports import Ringer
from tests.faults.breakages.patching import replace

promised: dict[str | None, Submitted] = {}
behind: set[asyncio.Task[Any]] = set()


def apply() -> None:
    replace(engine, "submit", _one)
    replace(engine, "submit_all", _many)


def _one(original: Callable[..., Any]) -> Callable[..., Any]:
    async def submit(database: TenantDatabase, kind: Kind, new: NewJob, ringer: Ringer) -> Submitted:
        known = promised.get(new.idempotency_key)
        if known is not None:
            return known
        _write_behind(original(database, kind, new, ringer))
        return _promise(kind, new)

    return submit


def _many(original: Callable[..., Any]) -> Callable[..., Any]:
    async def submit_all(
        database: TenantDatabase, kind: Kind, new: Sequence[NewJob], ringer: Ringer
    ) -> list[Submitted]:
        known = [promised[job.idempotency_key] for job in new if job.idempotency_key in promised]
        if known:
            return known
        _write_behind(original(database, kind, new, ringer))
        return [_promise(kind, job) for job in new]

    return submit_all


def _write_behind(writing: Coroutine[Any, Any, Any]) -> None:
    task = asyncio.create_task(writing)
    behind.add(task)
    task.add_done_callback(behind.discard)


def _promise(kind: Kind, new: NewJob) -> Submitted:
    made = Submitted(kind.table, new, dict.fromkeys(STAMPS, datetime.now(UTC)))
    if new.idempotency_key is not None:
        promised[new.idempotency_key] = made
    return made
