"""GET /v1/<kind> and GET /v1/jobs: filters, order, pages and cursors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request

from milepost.api import schemas, shapes
from milepost.api.access import READ, needing
from milepost.api.answers import JSON
from milepost.api.auth import Authenticated, Caller
from milepost.api.contract import answer
from milepost.api.cursors import Cursors
from milepost.api.dependencies import Dependencies
from milepost.api.problems import Problem
from milepost.api.query import DEEPEST_ROW, Parameters, parameters_of, parse
from milepost.api.validation import fault
from milepost.api.whole import shown
from milepost.db.reads import Listed, Listing, Part, Wanted, list_jobs
from milepost.db.wholes import output_files
from milepost.engine.kind import Kind


def routes(deps: Dependencies) -> APIRouter:
    router = APIRouter()
    for kind in deps.kinds:
        _add(router, deps, kind.path, (kind,), parameters_of([kind]))
    _add(router, deps, "jobs", deps.kinds, parameters_of(deps.kinds))
    return router


def _add(router: APIRouter, deps: Dependencies, path: str, kinds: Sequence[Kind], parameters: type[Parameters]) -> None:
    async def listed(request: Request, caller: Authenticated) -> JSON:
        asked = parse(request.scope, parameters)
        cursors = Cursors(deps.secret, caller, path, asked.filters())
        part = _part(asked, cursors)
        found = await list_jobs(caller.database.connections, _listings(kinds), _wanted(kinds, caller, asked), part)
        items = await _items(kinds, caller, found)
        return JSON(_answer(items, asked, found, cursors))

    router.add_api_route(
        f"/v1/{path}", listed, name=f"list_{path}", summary=f"List {path}", responses={200: answer("One page.", shapes.page_of(shapes.any_of(kinds)))},
        openapi_extra={"parameters": schemas.parameters(parameters)}, tags=[path], dependencies=needing(READ),
    )  # fmt: skip


def _listings(kinds: Sequence[Kind]) -> list[Listing]:
    return [kind.listing for kind in kinds]


def _wanted(kinds: Sequence[Kind], caller: Caller, asked: Parameters) -> Wanted:
    own = {name: getattr(asked, name) for kind in kinds for name in kind.filters if hasattr(asked, name)}
    return Wanted(
        owner=caller.owner,
        user_id=asked.user_id,
        statuses=_statuses(kinds, asked),
        created_after=asked.created_after,
        created_before=asked.created_before,
        finished_after=asked.finished_after,
        finished_before=asked.finished_before,
        priority=asked.priority,
        error_code=asked.error_code,
        search=asked.search,
        short_id=asked.short_id,
        has_artifacts=own.pop("has_artifacts", None),
        equal=own,
    )


def _statuses(kinds: Sequence[Kind], asked: Parameters) -> frozenset[str] | None:
    """What both filters leave."""
    if asked.status is None and asked.phase is None:
        return None
    return frozenset(
        status
        for kind in kinds
        for status, phase in kind.machine.phases.items()
        if (asked.status is None or status in asked.status) and (asked.phase is None or phase in asked.phase)
    )


def _part(asked: Parameters, cursors: Cursors) -> Part:
    sort_by: Any = asked.sort_by
    if asked.cursor is None:
        offset = (asked.page - 1) * asked.page_size
        if offset >= DEEPEST_ROW:
            raise fault("out-of-range", "?page", f"pages end at row {DEEPEST_ROW}; follow next_cursor instead")
        return Part(sort_by, asked.sort_order == "desc", asked.page_size, offset)
    if "page" in asked.model_fields_set:
        raise Problem("invalid-cursor", "A request names a page or a cursor, not both.")
    value, job_id = cursors.read(asked.cursor)
    if value is not None and sort_by != "status":
        value = datetime.fromisoformat(value)
    return Part(sort_by, asked.sort_order == "desc", asked.page_size, after=(value, job_id))


async def _items(kinds: Sequence[Kind], caller: Caller, found: Listed) -> list[dict[str, Any]]:
    by_name = {kind.name: kind for kind in kinds}
    files: dict[UUID, UUID] = {}
    for kind in kinds:
        ended = [job.id for job in found.jobs if job.kind == kind.name and "output" in job.row and job["output"]]
        if ended:
            files |= await output_files(caller.database.connections, kind.name, ended)
    return [shown(by_name[job.kind], job, files.get(job.id)) for job in found.jobs]


def _answer(items: Sequence[Any], asked: Parameters, found: Listed, cursors: Cursors) -> dict[str, Any]:
    last = found.jobs[-1] if found.more else None
    return {
        "items": items,
        "page": asked.page if asked.cursor is None else None,
        "page_size": asked.page_size,
        "total": found.total,
        "next_cursor": cursors.make(last[asked.sort_by], last.id) if last is not None else None,
    }
