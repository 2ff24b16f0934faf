"""Jobs for tests."""

from __future__ import annotations

from typing import Any

from uuid_utils.compat import uuid7

from milepost.db.job_table import JobTable
from milepost.db.ledger import NewJob
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
