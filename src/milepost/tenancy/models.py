"""Which language models a tenant's jobs may name."""

from __future__ import annotations

from typing import Any

from milepost.db.connections import Connection
from milepost.db.tenants import TenantDatabase


async def active_models(database: TenantDatabase) -> frozenset[str]:
    """From the tenant's own copy of the model table. Raises Unavailable."""

    async def work(connection: Connection[Any], _: bool) -> frozenset[str]:
        rows = await connection.fetch("SELECT model_name FROM llm_models WHERE is_active")
        return frozenset(row[0] for row in rows)

    return await database.connections.run(work)
