"""A database with a hundred thousand executions, once never analysed (a fresh install), once analysed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from milepost.db.roles import database_settings
from milepost.db.urls import database_name, with_database
from tests.db_fixtures import MAINTENANCE_LOGIN, PASSWORDS, as_login, clone, drop

# 70,000 ended, 28,000 due, 1,500 waiting for later, 500 running; a user for every hundred
FILL = """
ALTER TABLE executions DISABLE TRIGGER USER;
ALTER TABLE executions SET (autovacuum_enabled = false);
ALTER TABLE status_transitions_executions SET (autovacuum_enabled = false);
INSERT INTO users (id) SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(0, 999) n;
UPDATE users SET status = 'suspended' WHERE id = '00000000-0000-0000-0000-000000000007';
INSERT INTO executions (id, status, version, prompt, job_name, user_id, created_at, scheduled_at, deadline_at, started_at,
    claimed_at, lease_owner, lease_expires_at, finished_at, attempt)
SELECT ('01900000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid,
       CASE WHEN n < 70000 THEN (ARRAY['COMPLETED', 'FAILED', 'CANCELLED'])[1 + n % 3]
            WHEN n < 70500 THEN 'RUNNING' ELSE 'PENDING' END,
       CASE WHEN n < 70000 THEN 3 WHEN n < 70500 THEN 2 ELSE 1 END,
       'Say something.', 'exec-' || n, ('00000000-0000-0000-0000-' || lpad((n % 1000)::text, 12, '0'))::uuid,
       now() - interval '100000 seconds' + n * interval '1 second',
       now() - interval '100000 seconds' + n * interval '1 second'
           + CASE WHEN n >= 98500 THEN interval '2 hours' ELSE interval '0' END,
       now() + interval '1 day', CASE WHEN n < 70500 THEN now() END,
       CASE WHEN n BETWEEN 70000 AND 70499 THEN now() END, CASE WHEN n BETWEEN 70000 AND 70499 THEN 'w1' END,
       CASE WHEN n BETWEEN 70000 AND 70499 THEN now() + interval '20 seconds' END,
       CASE WHEN n < 70000 THEN now() END, CASE WHEN n < 70500 THEN 1 ELSE 0 END
FROM generate_series(0, 99999) n;
INSERT INTO status_transitions (job_kind, job_id, version, from_status, to_status, reason, actor)
SELECT 'execution', id, 1, NULL, 'PENDING', 'created', 'key:x' FROM executions;
ALTER TABLE executions ENABLE TRIGGER USER;
ALTER TABLE executions ENABLE ALWAYS TRIGGER guard_executions, ENABLE ALWAYS TRIGGER record_executions_insert,
    ENABLE ALWAYS TRIGGER record_executions_update, ENABLE ALWAYS TRIGGER record_executions_delete;
"""


@dataclass(frozen=True)
class Plan:
    """What a statement did: the rows it read of each table, and how."""

    nodes: list[dict[str, Any]]

    def of(self, table: str) -> list[dict[str, Any]]:
        return [node for node in self.nodes if node.get("Relation Name") == table]

    def walked(self, table: str) -> list[str]:
        return [
            node["Node Type"] for node in self.of(table) if node["Node Type"] == "Seq Scan" and node["Actual Loops"]
        ]

    def read(self, table: str) -> float:
        """Rows looked at, those that a filter threw away included."""
        return sum(
            node["Actual Loops"]
            * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Join Filter", 0))
            for node in self.of(table)
            if "Scan" in node["Node Type"]
        )

    def sorted(self) -> bool:
        return any(node["Node Type"] == "Sort" for node in self.nodes)

    def indexes(self) -> set[str]:
        return {node["Index Name"] for node in self.nodes if "Index Name" in node}


class Shelf:
    """A connection that shows what statements would do, without doing it."""

    def __init__(self, connection: Any, *, analysed: bool) -> None:
        self.connection = connection
        self.analysed = analysed

    async def explain(self, sql: str, *args: Any) -> Plan:
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            answer = await self.connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *args)
        finally:
            await transaction.rollback()
        return Plan(list(_flat(json.loads(answer)[0]["Plan"])))

    async def ids(self, condition: str, limit: int) -> list[Any]:
        rows = await self.connection.fetch(f"SELECT id FROM executions WHERE {condition} ORDER BY id LIMIT {limit}")
        return [row[0] for row in rows]


def _flat(node: dict[str, Any]) -> Any:
    yield node
    for child in node.get("Plans", []):
        yield from _flat(child)


@pytest_asyncio.fixture(scope="module", params=["never analysed", "analysed"])
async def shelf(request: pytest.FixtureRequest, template: str) -> AsyncIterator[Shelf]:
    name = await clone(template, "template_tenant")
    url = with_database(template, name)
    owner = await asyncpg.connect(url)
    await owner.execute(database_settings(database_name(url)))
    await owner.execute(FILL)
    if request.param == "analysed":
        await owner.execute("ANALYZE")
    await owner.close()
    connection = await asyncpg.connect(as_login(url, MAINTENANCE_LOGIN, PASSWORDS[1]))
    yield Shelf(connection, analysed=request.param == "analysed")
    await connection.close()
    await drop(template, name)
