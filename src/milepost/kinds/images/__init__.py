"""Image tasks: a collectible sticker from a few words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from milepost.db.job_table import JobTable, as_json
from milepost.domain.job import Job
from milepost.domain.policy import Backoff, Policy, Retention
from milepost.engine.kind import Chore, Kind
from milepost.kinds.images.effects import effects
from milepost.kinds.images.records import GeneratedImage, ImageCache, UsageStats
from milepost.kinds.images.requests import CreateImageTask
from milepost.kinds.images.table import MACHINE, ImageTask
from milepost.kinds.images.upkeep import expire_cache, named_files


def columns(request: CreateImageTask, _: UUID) -> Mapping[str, Any]:
    return {"data": as_json(request.data()), "source_image_id": request.source_image_id, "tokens_used": 0}


def shown(job: Job) -> Mapping[str, Any]:
    """Every column; JSON as values."""
    row = dict(job.row.items())
    for name in ("data", "result"):
        if isinstance(row[name], str):
            row[name] = orjson.loads(row[name])
    return row


KIND = Kind(
    table=JobTable(
        ImageTask.__table__,  # pyright: ignore[reportArgumentType] - a declarative class's table is a Table
        MACHINE,
        edge_sets={"claimed": {"progress": "1", "stage": "'started'"}, "retry": {"tokens_used": "0"}},
    ),
    path="images",
    request=CreateImageTask,
    columns=columns,
    policy=Policy(
        backoff=Backoff(base=timedelta(seconds=1), cap=timedelta(seconds=60)),
        retention=Retention(timedelta(days=7), since="created_at"),
    ),
    derived=frozenset({"tokens_used"}),  # the worker's to change
    effects=effects,
    shown=shown,
    titles=("data.title", "data.prompt"),
    searched=("data.title", "data.character_name", "data.prompt"),
    tables=(GeneratedImage.__table__, ImageCache.__table__, UsageStats.__table__),
    chores=(Chore("expire cached images", 3600, expire_cache),),
    named_files=named_files,
)
