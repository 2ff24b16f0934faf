"""An answer too long for its column: the file, its record and its audit row come with the end of the attempt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.outcome import Done
from milepost.engine.submit import submit
from milepost.kinds.executions import KIND
from milepost.storage import local_store
from tests.factories import Bells, new_execution
from workers.executions.answer import COLUMN_BYTES, keep


async def test_a_long_answer_is_recorded_and_audited_together(
    database: TenantDatabase, owner: Any, tmp_path: Path
) -> None:
    submitted = await submit(database, KIND, new_execution(), Bells())
    job = (await database.ledger.claim(KIND.table, [(submitted.id, 1)], "w1", 20)).jobs[0]
    kept = await keep(local_store(tmp_path), "default", job, "x" * (COLUMN_BYTES + 1))
    done = Done({"output": kept.output}, kept.effects)
    await database.ledger.move(KIND.table, decide.succeeded(KIND.machine, job, done, actor="worker:w1"))

    artifact = await owner.fetchrow("SELECT * FROM artifacts WHERE job_id = $1", job.id)
    audit = await owner.fetch("SELECT * FROM audit_logs WHERE resource_type = 'artifact'")
    assert (artifact["status"], artifact["file_size"]) == ("ACTIVE", COLUMN_BYTES + 1)
    assert [(row["action"], row["resource_id"], row["user_id"], row["actor"]) for row in audit] == [
        ("artifact.active", str(artifact["id"]), "system", "worker:w1")
    ]
    assert str(job.id) in audit[0]["details"]
