"""One job with its history and its files, as single reads show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from milepost.db import statements
from milepost.db.connections import Connection, Connections
from milepost.db.job_table import JobTable
from milepost.domain.estimate import Left, time_left
from milepost.domain.job import Job

TRANSITIONS = "id, job_kind, job_id, version, from_status, to_status, reason, actor, attempt, transitioned_at"


class Whole(NamedTuple):
    """One job with what belongs to it. Its row has `asked_at`, the database's time, beside its columns."""

    job: Job
    transitions: list[dict[str, Any]]
    artifacts: Sequence[Mapping[str, Any]]

    @property
    def left(self) -> Left | None:
        """Until the attempt under way ends, as far as anything may be said of that."""
        return time_left(self.job["asked_at"], self.job["expected_at"], self.job["promised_at"])


async def find_whole(connections: Connections, table: JobTable, job_id: UUID) -> Whole | None:
    async def work(connection: Connection) -> Whole | None:
        row = await connection.fetchrow(statements.present_now(table), job_id)
        if row is None:
            return None
        # rows of later versions may be there by now; they belong to the next answer
        transitions = await _history(connection, table.kind, job_id, row["version"])
        artifacts = await connection.fetch(
            "SELECT * FROM artifacts WHERE job_kind = $1 AND job_id = $2 ORDER BY created_at, id",
            table.kind, job_id,
        )  # fmt: skip
        return Whole(Job(table.kind, row), transitions, artifacts)

    return await connections.run(work)


async def history(connections: Connections, kind: str, job_id: UUID, up_to: int | None = None) -> list[dict[str, Any]]:
    """Every transition of a job, in the order of its versions."""

    async def work(connection: Connection) -> list[dict[str, Any]]:
        return await _history(connection, kind, job_id, up_to)

    return await connections.run(work)


async def output_files(connections: Connections, kind: str, job_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Per job whose answer was too long for its row: the artifact that holds it."""

    async def work(connection: Connection) -> dict[UUID, UUID]:
        rows = await connection.fetch(
            "SELECT job_id, id FROM artifacts WHERE job_kind = $1 AND job_id = ANY ($2::uuid[])"
            " AND tags ->> 'milepost.role' = 'output' AND status <> 'DELETED' ORDER BY created_at",
            kind, job_ids,
        )  # fmt: skip
        return {row[0]: row[1] for row in rows}

    return await connections.run(work)


async def _history(connection: Connection, kind: str, job_id: UUID, up_to: int | None) -> list[dict[str, Any]]:
    rows = await connection.fetch(
        f"SELECT {TRANSITIONS} FROM status_transitions WHERE job_kind = $1 AND job_id = $2"
        " AND ($3::integer IS NULL OR version <= $3) ORDER BY version",
        kind, job_id, up_to,
    )  # fmt: skip
    return [dict(row) for row in rows]
