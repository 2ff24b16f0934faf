"""Which provider answers for a model, and at what price: the tenant's copy of the model table, kept for seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal

from milepost.db.connections import Connection
from milepost.db.tenants import TenantDatabase

KEEP = 5.0


@dataclass(frozen=True, slots=True)
class Model:
    """A row of `llm_models`; prices in US dollars per 1,000 tokens, None if unknown."""

    provider: str
    name: str
    input_price: Decimal | None
    output_price: Decimal | None
    is_active: bool


class Models:
    """Reads a model once and keeps it for a few seconds, tenant by tenant."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[float, Model | None]] = {}

    async def find(self, database: TenantDatabase, name: str) -> Model | None:
        key = (database.name, name)
        kept = self._kept.get(key)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        model = await _read(database, name)
        self._kept[key] = (time.monotonic() + KEEP, model)
        return model


async def _read(database: TenantDatabase, name: str) -> Model | None:
    async def work(connection: Connection) -> Model | None:
        row = await connection.fetchrow(
            "SELECT provider_id, model_name, cost_per_1k_input_tokens, cost_per_1k_output_tokens, is_active"
            " FROM llm_models WHERE model_name = $1",
            name,
        )
        return Model(*row) if row else None

    return await database.connections.run(work)
