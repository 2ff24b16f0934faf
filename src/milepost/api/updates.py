"""PATCH /v1/executions/{id}: what an operator corrects and a remote runner reports, always against a known version."""

from __future__ import annotations

from fastapi import APIRouter, Request

from milepost.api import schemas, shapes
from milepost.api.access import controlling, needing
from milepost.api.answers import JSON
from milepost.api.auth import Authenticated, Caller
from milepost.api.body import read_model
from milepost.api.brief import told_whole
from milepost.api.contract import IF_MATCH, answer, refused
from milepost.api.dependencies import Dependencies
from milepost.api.lookups import only, visible
from milepost.api.preconditions import expected, named_versions
from milepost.api.problems import Problem
from milepost.api.validation import fault
from milepost.api.whole import find
from milepost.domain.errors import IllegalTransition, MilepostError, StaleVersion, VersionMismatch
from milepost.domain.job import Job
from milepost.domain.machine import Phase
from milepost.engine.kind import Kind
from milepost.engine.read_job import read_job
from milepost.engine.report import report
from milepost.kinds.executions.updates import (
    OUTPUT_BYTES,
    RETENTION,
    UpdateExecution,
    UpdateRefused,
    changed_columns,
    write,
)

KIND = "execution"


def routes(deps: Dependencies) -> APIRouter:
    router = APIRouter()
    kind = next(kind for kind in deps.kinds if kind.name == KIND)

    access = controlling(
        [kind], f"`{kind.scope}` lets you change {' and '.join(f'`{name}`' for name in sorted(RETENTION))} alone"
    )

    @router.patch(
        "/v1/executions/{job_id}", summary="Report on an execution, or keep it longer",
        openapi_extra={"requestBody": schemas.body(UpdateExecution), "parameters": [IF_MATCH]},
        responses={
            200: answer("As it is now.", shapes.or_brief(shapes.any_of([kind])), headers=("ETag",)),
            **refused("illegal-transition", "concurrent-update"),
        },
        dependencies=needing(access),
    )  # fmt: skip
    async def update(request: Request, job_id: str, caller: Authenticated) -> JSON:
        only(request)
        _, job = await visible(caller, (kind,), job_id)
        caller.must_control(job)
        wanted = await read_model(request, UpdateExecution, kind.body_bytes)
        _check(caller, kind, job, wanted, _versions(request, wanted))
        await _apply(caller, kind, job, wanted)
        return told_whole(caller, await find(caller, (kind,), job.id))

    return router


def _versions(request: Request, wanted: UpdateExecution) -> frozenset[int]:
    """Those that the caller knows, from If-Match or the body. Raises validation-failed where they are missing."""
    named = named_versions(request)
    if wanted.version is None:
        if named is None:
            raise fault("validation-failed", "/version", "is required, here or as If-Match")
        return named
    if named is not None and wanted.version not in named:
        raise fault("validation-failed", "/version", "differs from If-Match")
    return frozenset({wanted.version})


def _check(caller: Caller, kind: Kind, job: Job, wanted: UpdateExecution, versions: frozenset[int]) -> None:
    """What can be refused without touching the job."""
    if not wanted.given <= RETENTION or job.user_id != caller.user_id:
        caller.need("ops:deploy")
    expected(versions, job)
    if kind.phase(job).terminal and not wanted.given <= RETENTION:
        problem = f"A {job.status} execution accepts only retain_until and is_permanent."
        raise IllegalTransition(problem, job=job)
    if wanted.output is not None and len(wanted.output.encode()) > OUTPUT_BYTES:
        raise Problem("payload-too-large", "An output over 256 KiB is an artifact: upload it as one.")
    if wanted.status == "COMPLETED" and wanted.given & {"error_code", "error_message", "error_details"}:
        raise fault("validation-failed", "/status", "a completed execution carries no error")


async def _apply(caller: Caller, kind: Kind, job: Job, wanted: UpdateExecution) -> None:
    try:
        columns = dict(await changed_columns(caller.database, job, wanted))
    except UpdateRefused as refused:
        raise fault(*refused.args) from None
    if wanted.status is None or _renews(caller, kind, job, wanted.status):
        if not await write(caller.database, kind.table, job, columns, caller.actor):
            raise await _overtaken(caller, kind, job)
        return
    if wanted.status == kind.machine.running:
        columns.setdefault("pod_name", caller.actor)
    try:
        await report(caller.database, kind, job, wanted.status, actor=caller.actor, columns=columns)
    except StaleVersion:
        raise await _overtaken(caller, kind, job) from None


def _renews(caller: Caller, kind: Kind, job: Job, status: str) -> bool:
    """A runner that says RUNNING again of what it holds only shows that it is alive."""
    return kind.phase(job) is Phase.RUNNING and status == job.status and job.lease_owner == caller.actor


async def _overtaken(caller: Caller, kind: Kind, job: Job) -> MilepostError:
    """Why nothing was written."""
    now = await read_job(caller.database, kind.table, job.id)
    if now.version != job.version:
        return VersionMismatch(job_id=job.id, expected=job.version, current=now.version, job=now)
    if kind.phase(now) is Phase.QUEUED:
        return IllegalTransition("The execution is not due, or its deadline has passed.", job=now)
    return StaleVersion(job_id=job.id, version=job.version, job=now)
