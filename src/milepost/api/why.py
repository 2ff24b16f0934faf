"""GET /v1/<kind>/{id}/why: why a job is not running."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from milepost.api import shapes
from milepost.api.access import READ, needing
from milepost.api.answers import JSON
from milepost.api.auth import Authenticated
from milepost.api.contract import answer
from milepost.api.dependencies import Dependencies
from milepost.api.lookups import only, visible
from milepost.domain.errors import Unavailable
from milepost.engine.kind import Kind
from milepost.engine.why import why


def routes(deps: Dependencies) -> APIRouter:
    router = APIRouter()

    def of(kinds: Sequence[Kind]) -> Any:
        async def explain(request: Request, job_id: str, caller: Authenticated) -> JSON:
            only(request)
            kind, job = await visible(caller, kinds, job_id)
            found = await why(caller.database, kind, job, await alive(deps, kind))
            return JSON({"id": job.id, "kind": kind.name, **asdict(found)})

        return explain

    for path, kinds in (("jobs", deps.kinds), *((kind.path, (kind,)) for kind in deps.kinds)):
        router.add_api_route(
            f"/v1/{path}/{{job_id}}/why",
            of(kinds),
            name=f"{path}_why",
            summary="Why a job is not running",
            dependencies=needing(READ),
            responses={200: answer("The reason.", shapes.why())},
            tags=[path],
        )
    return router


async def alive(deps: Dependencies, kind: Kind) -> int | None:
    """How many living workers can run the kind; None when Redis, which knows, does not answer."""
    try:
        return sum(1 for worker in await deps.presence() if kind.name in worker.kinds)
    except Unavailable:
        return None
