"""Reads one job's present row."""

from __future__ import annotations

from uuid import UUID

from milepost.db import statements
from milepost.db.connections import Connection
from milepost.db.job_table import JobTable
from milepost.db.tenants import TenantDatabase
from milepost.domain.errors import JobNotFound
from milepost.domain.job import Job


async def read_job(database: TenantDatabase, table: JobTable, job_id: UUID) -> Job:
    """Raises JobNotFound."""

    async def work(connection: Connection) -> Job:
        row = await connection.fetchrow(statements.present(table), job_id)
        if row is None:
            raise JobNotFound(job_id=job_id)
        return Job(table.kind, row)

    return await database.connections.run(work)
