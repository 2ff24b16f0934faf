"""POST …/{id}/cancel and …/{id}/retry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import AfterValidator, AliasChoices, Field
from pydantic_core import PydanticCustomError

from milepost.api import schemas, shapes
from milepost.api.access import controlling, needing
from milepost.api.answers import JSON
from milepost.api.auth import Authenticated, Caller
from milepost.api.body import read_optional
from milepost.api.brief import told_whole
from milepost.api.contract import IF_MATCH, Responses, answer, refused
from milepost.api.dependencies import Dependencies
from milepost.api.lookups import only, visible
from milepost.api.preconditions import expected, named_versions
from milepost.api.whole import find
from milepost.domain.errors import IllegalTransition, MilepostError, StaleVersion
from milepost.domain.job import Job
from milepost.domain.machine import Phase
from milepost.domain.text import OBEYED
from milepost.engine.cancel import cancel
from milepost.engine.kind import Kind
from milepost.engine.read_job import read_job
from milepost.engine.retry import retry
from milepost.kinds.requests import PlainText, Strict
from milepost.kinds.told import Told, whole

LINE = re.compile(rf"[^\x00-\x1f{OBEYED}]*")


def one_line(text: str) -> str:
    if LINE.fullmatch(text) is None:
        raise PydanticCustomError("invalid_text", "must be one line without control characters or marks of direction")
    return text


class CancelJob(Strict):
    """Why, in a few words; they stand in the job's history."""

    reason: Annotated[PlainText, AfterValidator(one_line), Told(pattern=whole(LINE.pattern))] | None = Field(
        default=None, max_length=200, description="One line, without control characters and marks of direction."
    )


class RetryJob(CancelJob):
    """`timeout_seconds` replaces the limit of one attempt."""

    timeout_seconds: int | None = Field(
        default=None, ge=1, le=86_400,
        validation_alias=AliasChoices("timeout_seconds", "timeoutSeconds", "timeout"),
        description="For one attempt from now on; without it, as it was.",
    )  # fmt: skip


def routes(deps: Dependencies) -> APIRouter:
    router = APIRouter()
    for path, kinds in (*((kind.path, (kind,)) for kind in deps.kinds), ("jobs", deps.kinds)):
        _add_cancel(router, deps, path, kinds)
        _add_retry(router, deps, path, kinds)
    return router


def _add_cancel(router: APIRouter, deps: Dependencies, path: str, kinds: Sequence[Kind]) -> None:
    async def cancelled(request: Request, job_id: str, caller: Authenticated) -> JSON:
        kind, job = await controlled(request, caller, kinds, job_id)
        versions = named_versions(request)
        body = await read_optional(request, CancelJob, deps.limits.body)
        try:
            done = await cancel(
                caller.database,
                kind,
                job.id,
                actor=caller.actor,
                note=body.reason,
                expected_version=expected(versions, job),
            )
        except StaleVersion as error:
            raise await _with_present(caller, kind, job, error) from None
        return await _answer(caller, kind, done, 202 if kind.phase(done) is Phase.RUNNING else 200)

    router.add_api_route(
        f"/v1/{path}/{{job_id}}/cancel", cancelled, methods=["POST"], name=f"cancel_{path}",
        summary="Cancel a job: at once while it waits, as a request while it runs",
        responses=_cancelled(kinds), openapi_extra=_described(CancelJob), tags=[path],
        dependencies=needing(controlling(kinds)),
    )  # fmt: skip


def _add_retry(router: APIRouter, deps: Dependencies, path: str, kinds: Sequence[Kind]) -> None:
    async def retried(request: Request, job_id: str, caller: Authenticated) -> JSON:
        kind, job = await controlled(request, caller, kinds, job_id)
        versions = named_versions(request)
        body = await read_optional(request, RetryJob, deps.limits.body)
        try:
            done = await retry(
                caller.database, kind, job.id, deps.ringer, actor=caller.actor, note=body.reason,
                timeout_seconds=body.timeout_seconds, expected_version=expected(versions, job),
            )  # fmt: skip
        except (IllegalTransition, StaleVersion) as error:
            raise await _with_present(caller, kind, job, error) from None
        return await _answer(caller, kind, done, 200)

    router.add_api_route(
        f"/v1/{path}/{{job_id}}/retry", retried, methods=["POST"], name=f"retry_{path}",
        summary="Retry a job that failed or was cancelled",
        description="One that never began keeps a `scheduled_at` that is still ahead.",
        responses=_retried(kinds),
        openapi_extra=_described(RetryJob), tags=[path], dependencies=needing(controlling(kinds)),
    )  # fmt: skip


def _cancelled(kinds: Sequence[Kind]) -> Responses:
    job = shapes.or_brief(shapes.any_of(kinds))
    return {
        200: answer("Cancelled, or ended before.", job, headers=("ETag",)),
        202: answer("It runs, and was asked to stop.", job, headers=("ETag",)),
        **refused("concurrent-update"),
    }


def _retried(kinds: Sequence[Kind]) -> Responses:
    job = shapes.or_brief(shapes.any_of(kinds))
    return {
        200: answer("It waits again.", job, headers=("ETag",)),
        **refused("illegal-transition", "concurrent-update"),
    }


def _described(model: type[Any]) -> dict[str, Any]:
    return {"requestBody": schemas.body(model, required=False), "parameters": [IF_MATCH]}


async def controlled(request: Request, caller: Caller, kinds: Sequence[Kind], text: str) -> tuple[Kind, Job]:
    """The job, if the caller may change it. Raises insufficient-scope, not-found."""
    only(request)
    kind, job = await visible(caller, kinds, text)
    caller.must_control(job, kind.scope)
    return kind, job


async def _with_present(caller: Caller, kind: Kind, job: Job, error: MilepostError) -> MilepostError:
    """The same error, with the job as it is now."""
    error.data["job"] = await read_job(caller.database, kind.table, job.id)
    return error


async def _answer(caller: Caller, kind: Kind, job: Job, status: int) -> JSON:
    return told_whole(caller, await find(caller, (kind,), job.id), status)
