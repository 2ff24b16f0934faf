"""Opens the stack's tenant database for commands that go past the API."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal

from milepost.cli.named import CANDIDATES, one_of
from milepost.db.connections import Patience
from milepost.db.reads import Part, Wanted, list_jobs
from milepost.db.tenants import DatabaseOptions, TenantDatabase, open_database
from milepost.domain.api_key import DEFAULT_TENANT
from milepost.domain.ids import read_short
from milepost.kinds import all_kinds
from milepost.settings import Settings, variable

PATIENCE = Patience(whole=3.0, one_try=60.0)


@asynccontextmanager
async def open_tenant(
    settings: Settings, role: Literal["app", "maintenance", "owner"] = "app"
) -> AsyncGenerator[TenantDatabase]:
    """As that role, or as the application where no login of the role is known."""
    wanted = "database_url" if role == "app" else f"{role}_database_url"
    name = wanted if getattr(settings, wanted) is not None else "database_url"
    options = DatabaseOptions(variable(name), settings.pooler, patience=PATIENCE)
    database = await open_database(DEFAULT_TENANT, settings.need(name), options)
    try:
        yield database
    finally:
        await database.close()


async def whole_id_in(database: TenantDatabase, text: str) -> str:
    """As `named.whole_id`, of a job that is there; any other text as it is. Raises JobNotFound, Exit."""
    digits = read_short(text)
    if digits is None:
        return text
    kinds = {kind.name: kind for kind in all_kinds()}
    listings = [kind.listing for kind in kinds.values()]
    found = await list_jobs(database.connections, listings, Wanted(short_id=digits), Part(limit=CANDIDATES))
    return one_of(digits, {str(job.id): f"{job.kind} {job.status}  {kinds[job.kind].title(job)}" for job in found.jobs})
