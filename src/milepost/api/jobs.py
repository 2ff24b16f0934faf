"""Reading one job: the record with history and files, conditional and waiting reads, the transitions alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from milepost.api import lists, shapes
from milepost.api.access import READ, needing
from milepost.api.answers import JSON
from milepost.api.auth import Authenticated
from milepost.api.contract import IF_MATCH, IF_NONE_MATCH, Responses, answer
from milepost.api.dependencies import Dependencies
from milepost.api.longpoll import wait_for_change
from milepost.api.lookups import id_in_path, only, visible
from milepost.api.preconditions import expected, is_known, named_versions
from milepost.api.query import Waiting, parse
from milepost.api.schemas import parameters, ref
from milepost.api.whole import Found, find
from milepost.db.wholes import history
from milepost.engine.kind import Kind

[WAIT] = parameters(Waiting)


def routes(deps: Dependencies) -> APIRouter:
    router = lists.routes(deps)
    for path, kinds in (*((kind.path, (kind,)) for kind in deps.kinds), ("jobs", deps.kinds)):
        _add_one(router, deps, path, kinds)
        _add_history(router, path, kinds)
    return router


def _add_one(router: APIRouter, deps: Dependencies, path: str, kinds: Sequence[Kind]) -> None:
    async def one(request: Request, job_id: str, caller: Authenticated) -> Response:
        wait = parse(request.scope, Waiting).wait
        read = partial(find, caller, kinds, id_in_path(job_id))
        found = await read()
        expected(named_versions(request), found.job)
        known = is_known(request, found.tag)
        if not wait or ("if-none-match" in request.headers and not known):
            return _unchanged(found.tag) if known else _answered(found)
        changed = await wait_for_change(
            deps.feeds.of(caller.database), found.kind, found.job.id, read, _tag, seen=found.tag, seconds=wait
        )
        return _unchanged(found.tag) if changed is None else _answered(changed)

    router.add_api_route(
        f"/v1/{path}/{{job_id}}", one, name=f"get_{path}", summary="Read one job, at once or when it changes",
        responses=_whole(kinds), openapi_extra={"parameters": [WAIT, IF_MATCH, IF_NONE_MATCH]}, tags=[path],
        dependencies=needing(READ),
    )  # fmt: skip


def _add_history(router: APIRouter, path: str, kinds: Sequence[Kind]) -> None:
    async def transitions(request: Request, job_id: str, caller: Authenticated) -> JSON:
        only(request)
        kind, job = await visible(caller, kinds, job_id)
        return JSON({"items": await history(caller.database.connections, kind.name, job.id)})

    router.add_api_route(
        f"/v1/{path}/{{job_id}}/transitions", transitions, name=f"{path}_transitions",
        summary="Every change of status, in order", tags=[path],
        responses={200: answer("Its history.", shapes.listed(ref("StatusTransition"), "In the order of versions."))},
        dependencies=needing(READ),
    )  # fmt: skip


def _whole(kinds: Sequence[Kind]) -> Responses:
    return {
        200: answer("The job, with its history and files.", shapes.any_of(kinds), headers=("ETag",)),
        304: answer("Not changed.", headers=("ETag",)),
    }


def _answered(found: Found) -> Response:
    return JSON(found.content, headers={"ETag": found.tag})


def _unchanged(tag: str) -> Response:
    return Response(status_code=304, headers={"ETag": tag})


def _tag(found: Found) -> str:
    return found.tag
