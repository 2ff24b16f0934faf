"""A submit is answered at once and committed behind the answer: what dies in between was promised and is not there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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
    replace(engine, "submit", _early)


def _early(original: Callable[..., Any]) -> Callable[..., Any]:
    async def submit(database: TenantDatabase, kind: Kind, new: NewJob, ringer: Ringer) -> Submitted:
        # replays are answered as ever: the early answer to a new job is all that is broken
        if new.idempotency_key and await keys_in_use(database.connections, kind.table, [new.idempotency_key]):
            return await original(database, kind, new, ringer)
        writing = asyncio.create_task(original(database, kind, new, ringer))
        behind.add(writing)
        writing.add_done_callback(behind.discard)
        return Submitted(kind.table, new, dict.fromkeys(STAMPS, datetime.now(UTC)))

    return submit
