"""A batch is answered with the ids of its jobs in reverse: all of them exist, and most are of another member."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from milepost.db.submits import NewJob, Submitted
from milepost.db.tenants import TenantDatabase
from milepost.engine import submit as engine
from milepost.engine.kind import Kind
from milepost.engine.ports import Ringer
from tests.faults.breakages.patching import replace


def apply() -> None:
    replace(engine, "submit_all", _many)


def _many(original: Callable[..., Any]) -> Callable[..., Any]:
    async def submit_all(
        database: TenantDatabase, kind: Kind, new: Sequence[NewJob], ringer: Ringer
    ) -> list[Submitted]:
        return (await original(database, kind, new, ringer))[::-1]

    return submit_all
