"""An execution keeps the answer that the one before it was given; all else about it is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from milepost.domain.job import Job
from milepost.storage import Store
from tests.faults.breakages.patching import replace
from workers.executions import answer, handler

before: list[str] = []


def apply() -> None:
    assert handler.keep is answer.keep
    replace(answer, "keep", _of_the_one_before)


def _of_the_one_before(original: Callable[..., Any]) -> Callable[..., Any]:
    async def keep(store: Store, tenant: str, job: Job, text: str) -> answer.Kept:
        before.append(text)
        return await original(store, tenant, job, before.pop(0) if len(before) > 1 else text)

    return keep
