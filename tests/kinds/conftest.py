"""Every kind in turn, and a job of it as a producer would submit it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from milepost.db.job_table import as_json
from milepost.db.moves import Moved
from milepost.db.tenants import TenantDatabase, open_database
from milepost.domain import decide
from milepost.domain.job import Job
from milepost.domain.machine import By, Phase
from milepost.domain.outcome import Done, Outcome
from milepost.engine.api_keys import ensure_user
from milepost.engine.kind import Kind
from milepost.engine.read_job import read_job
from milepost.engine.submit import new_job
from milepost.engine.transit import transit
from milepost.kinds import all_kinds
from tests.db_fixtures import OPTIONS, Urls

WORKER = "w1"


@pytest.fixture(params=all_kinds(), ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


def sample(kind: Kind) -> dict[str, Any]:
    """The request that the kind's own examples make."""
    fields = kind.request.model_fields
    return {name: (field.examples or [None])[0] for name, field in fields.items() if field.is_required()}


def result(kind: Kind) -> dict[str, Any]:
    """What a success must write beside the status: the examples that the kind's columns carry."""
    return {
        column.name: as_json(column.info["example"]) for column in kind.table.table.columns if "example" in column.info
    }


class Life:
    """One job of a kind, led through its statuses by what workers and maintenance do."""

    def __init__(self, database: TenantDatabase, kind: Kind, job: Job) -> None:
        self.database = database
        self.kind = kind
        self.job = job

    async def refresh(self) -> Job:
        self.job = await read_job(self.database, self.kind.table, self.job.id)
        return self.job

    async def claim(self) -> Job:
        wanted = [(self.job.id, self.job.version)]
        claims = await self.database.ledger.claim(self.kind.table, wanted, WORKER, 20)
        assert len(claims.jobs) == 1, "a due job can be claimed"
        self.job = claims.jobs[0]
        return self.job

    async def end(self, outcome: Outcome) -> Job:
        """As a worker ends an attempt."""
        if isinstance(outcome, Done):
            await self._to_the_last_stage()
            outcome = Done(result(self.kind) | dict(outcome.columns), reason=self._way_to_succeed() or "completed")
        wanted = decide.after_attempt(
            self.kind.machine, self.kind.policy, self.job, outcome,
            actor=f"worker:{WORKER}", now=self.job.scheduled_at, chance=0.0,
        )  # fmt: skip
        moved = await transit(self.database, self.kind, self.job, wanted)
        assert isinstance(moved, Moved)
        return await self.refresh()

    async def _to_the_last_stage(self) -> None:
        machine = self.kind.machine
        while self._way_to_succeed() is None:
            step = next(
                edge for edge in machine.edges
                if edge.from_status == self.job.status and edge.by is By.WORKER
                and machine.phase(edge.to_status) is Phase.RUNNING
            )  # fmt: skip
            wanted = decide.advance(
                machine, self.job, step.to_status, actor=f"worker:{WORKER}", reason=step.reason, columns={}
            )
            await transit(self.database, self.kind, self.job, wanted)
            await self.refresh()

    def _way_to_succeed(self) -> str | None:
        machine = self.kind.machine
        ends = [
            edge for edge in machine.edges
            if edge.from_status == self.job.status and machine.phase(edge.to_status) is Phase.SUCCEEDED
        ]  # fmt: skip
        return ends[0].reason if ends else None


@pytest.fixture
async def born(database: TenantDatabase, kind: Kind) -> Callable[..., Awaitable[Life]]:
    """Submits a job of the kind: `life = await born(max_attempts=1)`."""

    async def submit(user_id: UUID | None = None, **changes: Any) -> Life:
        if not kind.table.table.columns["user_id"].nullable:
            user_id = user_id or await ensure_user(database, role="maker", name="Somebody")
        request = kind.request.model_validate(sample(kind) | changes)
        new = new_job(kind, request, ids=uuid7, actor="key:test", user_id=user_id)
        submitted = await database.ledger.submit(kind.table, new)
        return Life(database, kind, submitted.job)

    return submit


@pytest.fixture
async def maintenance(urls: Urls) -> AsyncIterator[TenantDatabase]:
    """The tenant's database as maintenance uses it."""
    opened = await open_database("default", urls.maintenance, OPTIONS)
    yield opened
    await opened.close()
