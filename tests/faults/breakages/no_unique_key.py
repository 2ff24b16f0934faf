"""An idempotency key is looked up before the insert and nothing else guards it: two requests at once both find nothing.

The unique indexes are dropped by `prepare`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from milepost.db import statements
from milepost.db.connections import Connection
from milepost.db.job_table import JobTable
from milepost.db.ledger import Ledger
from milepost.db.submits import NewJob, Submitted
from milepost.domain.job import Job
from tests.faults.breakages.patching import Gone, replace


def apply() -> None:
    if "_connections" not in Ledger.__init__.__code__.co_names:
        raise Gone("Ledger has no connections")
    replace(Ledger, "submit", _looking_first)


def _looking_first(original: Callable[..., Any]) -> Callable[..., Any]:
    async def submit(self: Any, table: JobTable, new: NewJob) -> Submitted:
        async def look(connection: Connection) -> Any:
            return await connection.fetchrow(statements.existing(table), [new.id], [new.idempotency_key])

        found = await self._connections.run(look) if new.idempotency_key else None
        return (
            await original(self, table, new) if found is None else Submitted(table, new, None, Job(table.kind, found))
        )

    return submit
