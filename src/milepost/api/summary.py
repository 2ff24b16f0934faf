"""GET /v1/summary: how many jobs are where, how old the oldest due one is, what failed lately."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from milepost.api import shapes
from milepost.api.access import READ, needing
from milepost.api.answers import JSON
from milepost.api.auth import Authenticated
from milepost.api.contract import answer
from milepost.api.dependencies import Dependencies
from milepost.api.lookups import only
from milepost.db.counts import EXACT, Tally, tally
from milepost.engine.kind import Kind


def routes(deps: Dependencies) -> APIRouter:
    router = APIRouter()

    @router.get(
        "/v1/summary",
        summary="How many jobs are where",
        dependencies=needing(READ),
        responses={200: answer("The counts.", shapes.summary())},
    )
    async def summary(request: Request, caller: Authenticated) -> JSON:
        only(request)
        kinds: dict[str, Any] = {}
        for kind in deps.kinds:
            found = await caller.database.connections.run(lambda c, k=kind: tally(c, k.table, caller.owner))
            kinds[kind.name] = shown(kind, found)
        # one who sees only what is his own is told of his newest jobs: counting all of them would read all of them
        counted = {"whose": "all" if caller.owner is None else "own", "counted_up_to": EXACT}
        return JSON({**counted, "kinds": kinds})

    return router


def shown(kind: Kind, found: Tally) -> dict[str, Any]:
    return {
        "statuses": {
            status: {"phase": kind.machine.phase(status).value, "count": count.count, "more": count.more}
            for status, count in found.statuses.items()
        },
        "oldest_due_seconds": None if found.oldest_due is None else found.oldest_due.total_seconds(),
        "leases": {"held": found.leases_held, "expired": found.leases_expired},
        "failed_last_hour": {"by_code": found.failures, "more": found.failures_more},
    }
