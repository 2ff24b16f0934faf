"""Opens the stack's tenant database for commands that go past the API."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal

from milepost.db.connections import Patience
from milepost.db.tenants import DatabaseOptions, TenantDatabase, open_database
from milepost.domain.api_key import DEFAULT_TENANT
from milepost.settings import Settings

PATIENCE = Patience(whole=3.0, one_try=60.0)


@asynccontextmanager
async def open_tenant(
    settings: Settings, role: Literal["app", "maintenance", "owner"] = "app"
) -> AsyncGenerator[TenantDatabase]:
    """As that role, or as the application where no login of the role is known."""
    wanted = "database_url" if role == "app" else f"{role}_database_url"
    name = wanted if getattr(settings, wanted) is not None else "database_url"
    options = DatabaseOptions(pooler=settings.pooler, patience=PATIENCE)
    database = await open_database(DEFAULT_TENANT, settings.need(name), options)
    try:
        yield database
    finally:
        await database.close()
