"""Fills the model table of a new installation, and copies it into a tenant's database. Safe to repeat."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from milepost.db.connecting import connect
from milepost.tenancy.prices import OFFLINE_MODEL, seed_models

COLUMNS = "id, provider_id, model_name, model_class, cost_per_1k_input_tokens, cost_per_1k_output_tokens, is_active"

# What an operator set stays: a seed fills in prices that nobody knew and adds models that were not there.
UPSERT = """
INSERT INTO llm_models AS here
       (provider_id, model_name, model_class, cost_per_1k_input_tokens, cost_per_1k_output_tokens, is_active)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::numeric[], $6::boolean[])
    ON CONFLICT (model_name) DO UPDATE
   SET cost_per_1k_input_tokens = coalesce(here.cost_per_1k_input_tokens, excluded.cost_per_1k_input_tokens),
       cost_per_1k_output_tokens = coalesce(here.cost_per_1k_output_tokens, excluded.cost_per_1k_output_tokens)
 WHERE num_nulls(here.cost_per_1k_input_tokens, here.cost_per_1k_output_tokens) > 0
"""
OFFLINE = "UPDATE llm_models SET is_active = $2 WHERE model_name = $1 AND is_active <> $2"

COPY = f"""
INSERT INTO llm_models ({COLUMNS}, synced_at)
SELECT *, now() FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::numeric[], $7::boolean[])
    ON CONFLICT (id) DO UPDATE
   SET provider_id = excluded.provider_id, model_name = excluded.model_name, model_class = excluded.model_class,
       cost_per_1k_input_tokens = excluded.cost_per_1k_input_tokens,
       cost_per_1k_output_tokens = excluded.cost_per_1k_output_tokens,
       is_active = excluded.is_active, synced_at = excluded.synced_at
"""  # noqa: S608 - our own column names


async def seed(control_owner_url: str, *, development: bool) -> None:
    """Models and prices of the offline price list. The model that asks nobody is active in development alone."""
    connection = await connect(control_owner_url)
    try:
        now: datetime = await connection.fetchval("SELECT now()")
        rows = [
            (
                model.provider_id,
                model.model_name,
                model.model_class,
                model.cost_per_1k_input_tokens,
                model.cost_per_1k_output_tokens,
                development or model.model_name != OFFLINE_MODEL,
            )
            for model in seed_models(now)
        ]
        await connection.execute(UPSERT, *_columns(rows, 6))
        await connection.execute(OFFLINE, OFFLINE_MODEL, development)
    finally:
        await connection.close()


async def copy_models(control_owner_url: str, tenant_owner_url: str) -> int:
    """Brings a tenant's read-only copy up to date. Answers how many models there are."""
    control = await connect(control_owner_url)
    try:
        rows = await control.fetch(f"SELECT {COLUMNS} FROM llm_models ORDER BY id")  # noqa: S608 - the same
    finally:
        await control.close()
    tenant = await connect(tenant_owner_url)
    try:
        async with tenant.transaction():
            names = [row["model_name"] for row in rows]
            await tenant.execute("DELETE FROM llm_models WHERE model_name <> ALL ($1::text[])", names)
            await tenant.execute(COPY, *_columns(rows, 7))
    finally:
        await tenant.close()
    return len(rows)


def _columns(rows: list[Any], count: int) -> list[list[Any]]:
    return [[row[index] for row in rows] for index in range(count)]
