"""An idempotency key is looked up before the insert and nothing else guards it: two requests at once both find nothing.

The unique indexes are dropped by `prepare`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from milepost.db import statements
from milepost.db.connections import Connection
from milepost.db.job_table import JobTable
from milepost.db.ledger import Ledger
from milepost.db.submits import Check, NewJob, Submitted, anything
from milepost.domain.job import Job
from tests.faults.breakages.patching import Gone, replace

UNIQUE_KEYS = r"""
SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indisunique AND c.relname LIKE 'uq\_%\_idempotency\_key'"""


def apply() -> None:
    if "_connections" not in Ledger.__init__.__code__.co_names:
        raise Gone("Ledger has no connections")
    replace(Ledger, "submit", _one)
    replace(Ledger, "submit_all", _many)


async def prepare(owner: Any) -> None:
    for index in [row[0] for row in await owner.fetch(UNIQUE_KEYS)]:
        await owner.execute(f"DROP INDEX {index}")


def _one(original: Callable[..., Any]) -> Callable[..., Any]:
    async def submit(self: Any, table: JobTable, new: NewJob) -> Submitted:
        found = await _found(self, table, [new])
        return found[0] if found else await original(self, table, new)

    return submit


def _many(original: Callable[..., Any]) -> Callable[..., Any]:
    async def submit_all(self: Any, table: JobTable, new: Sequence[NewJob], check: Check = anything) -> list[Submitted]:
        found = await _found(self, table, new)
        if len(found) < len(new):
            return await original(self, table, new, check)
        check(found)
        return found

    return submit_all


async def _found(ledger: Any, table: JobTable, new: Sequence[NewJob]) -> list[Submitted]:
    """Those that have a job by their keys."""
    keys = [job.idempotency_key for job in new if job.idempotency_key]

    async def look(connection: Connection) -> Any:
        return await connection.fetch(statements.existing(table), [], keys)

    rows = {row["idempotency_key"]: row for row in await ledger._connections.run(look)} if keys else {}
    return [
        Submitted(table, job, None, Job(table.kind, rows[job.idempotency_key]))
        for job in new
        if job.idempotency_key in rows
    ]
