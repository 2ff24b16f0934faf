"""Jobs for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from uuid_utils.compat import uuid7

from milepost.db.job_table import JobTable
from milepost.db.submits import NewJob
from milepost.domain.bell import Bell
from milepost.kinds.executions.table import MACHINE, Execution

TABLE = JobTable(Execution.__table__, MACHINE)  # type: ignore[arg-type]
WORKER = "worker:w1"


def new_execution(**changes: Any) -> NewJob:
    job_id = uuid7()
    columns = {
        "prompt": "Say something.",
        "model": "offline/extract",
        "max_tokens": 100,
        "job_name": f"exec-{job_id.hex[-12:]}",
        "usage_estimated": False,
        "is_permanent": False,
    }
    given = {"id": job_id, "actor": "key:test", "life": 86400, "timeout_seconds": 600, "columns": columns, **changes}
    given["columns"] = {"usage_estimated": False, "is_permanent": False, **given["columns"]}
    return NewJob(**given)


def expected(seconds: float, promised: float | None = None) -> dict[str, Any]:
    """The columns of an attempt that will end so many seconds from now, and was to end `promised` seconds from now."""
    now = datetime.now(UTC)
    first = seconds if promised is None else promised
    return {"expected_at": now + timedelta(seconds=seconds), "promised_at": now + timedelta(seconds=first)}


class Bells:
    """The other side of the ringer's port: remembers what was rung."""

    def __init__(self) -> None:
        self.rung: list[Bell] = []

    def ring_soon(self, bells: Sequence[Bell]) -> None:
        self.rung.extend(bells)

    async def ring(self, bells: Sequence[Bell]) -> None:
        self.rung.extend(bells)
