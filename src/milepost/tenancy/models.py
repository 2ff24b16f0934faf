"""Which language models a tenant's jobs may name."""

from __future__ import annotations

from milepost.db import reads
from milepost.db.tenants import TenantDatabase


async def active_models(database: TenantDatabase) -> frozenset[str]:
    """From the tenant's own copy of the model table. Raises Unavailable."""
    return await reads.active_models(database.connections)
