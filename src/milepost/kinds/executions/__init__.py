"""Executions: a language model answers a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from milepost.db.job_table import JobTable, as_json
from milepost.domain.policy import Backoff, Policy
from milepost.engine.kind import Kind
from milepost.kinds.executions.answers import shown
from milepost.kinds.executions.requests import CreateExecution
from milepost.kinds.executions.table import MACHINE, Execution

DEFAULT_MODEL = "claude-sonnet-4-20250514"


def columns(request: CreateExecution, job_id: UUID) -> Mapping[str, Any]:
    resources = request.resources.model_dump(exclude_none=True) if request.resources else None
    return {
        "prompt": request.prompt,
        "model": request.model or DEFAULT_MODEL,
        "max_tokens": request.max_tokens,
        "metadata": as_json(request.metadata),
        # the end of the id: a UUIDv7 begins with the clock, so its first digits repeat within a millisecond
        "job_name": f"exec-{job_id.hex[-12:]}",
        "usage_estimated": False,
        "resources": as_json(resources),
        "retain_until": request.retain_until,
        "is_permanent": request.is_permanent,
    }


KIND = Kind(
    table=JobTable(
        Execution.__table__,  # pyright: ignore[reportArgumentType] - a declarative class's table is a Table
        MACHINE,
        edge_sets={
            "claimed": {"pod_name": "$3"},
            "completed": {"error_details": "NULL"},
            # maintenance cannot know what the lost attempt used
            "abandoned": {"usage_estimated": "true"},
            "retry": dict.fromkeys(("pod_name", "output", "stop_reason", "error_details"), "NULL"),
        },
    ),
    path="executions",
    request=CreateExecution,
    columns=columns,
    policy=Policy(backoff=Backoff(base=timedelta(seconds=2), cap=timedelta(minutes=5))),
    derived=frozenset({"job_name", "usage_estimated"}),  # the second is the worker's to change
    shown=shown,
    titles=("prompt",),
    minor=frozenset({"job_name", "pod_name"}),
    searched=("prompt", "output", "job_name"),
    named=("job_name",),
    filters=("model", "has_artifacts"),
    preview=("prompt", "output"),
    body_bytes=4 * 1024 * 1024,
)
