"""POST /v1/<kind> and /v1/<kind>:batch: valid requests become committed jobs; their bells ring after the commit."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, create_model
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from milepost.api import schemas, shapes
from milepost.api.access import needing, submitting
from milepost.api.answers import JSON
from milepost.api.auth import Caller, Doorkeeper
from milepost.api.body import read_model
from milepost.api.brief import told
from milepost.api.cautions import warned
from milepost.api.checks import Checks
from milepost.api.contract import IDEMPOTENCY_KEY, Responses, answer, refused
from milepost.api.dependencies import Dependencies
from milepost.api.etags import etag
from milepost.api.lookups import only
from milepost.api.problems import Problem
from milepost.api.whole import shown
from milepost.db.reads import keys_in_use
from milepost.db.submits import NewJob, Submitted
from milepost.engine.kind import Kind
from milepost.engine.submit import key_digest, new_job, submit, submit_all
from milepost.kinds.requests import Strict

KEY = re.compile(rb"[\x20-\x7e]{1,255}")


def routes(deps: Dependencies) -> APIRouter:
    router = APIRouter()
    for kind in deps.kinds:
        one, many = Create(deps, kind), CreateMany(deps, kind)
        _add(router, one, "", one.one, kind.request, _created(kind), "Submit one job")
        _add(router, many, ":batch", many.all, many.model, _batched(kind), "Submit many jobs, all or none")
    return router


def _add(
    router: APIRouter, create: Create, verb: str, route: Callable[[Request], Awaitable[Response]],
    model: type[BaseModel], responses: dict[int | str, Any], summary: str,
) -> None:  # fmt: skip
    kind = create.kind.path
    added = APIRoute(
        f"/v1/{kind}{verb}", route, methods=["POST"], status_code=202, name=f"submit{verb}_{kind}".replace(":", "_"),
        responses=responses, tags=[kind], summary=summary, dependencies=needing(create.access),
        openapi_extra={"requestBody": schemas.body(model), "parameters": [IDEMPOTENCY_KEY]},
    )  # fmt: skip
    added.app = _straight(route)
    router.routes.append(added)


def _created(kind: Kind) -> Responses:
    job, placed = shapes.or_brief(shapes.any_of([kind])), ("Location", "ETag")
    return {
        200: answer(
            "A replay: the job that this key made, as it is now.", job, headers=(*placed, "Idempotency-Replayed")
        ),
        202: answer("Accepted.", job, headers=(*placed, "Retry-After")),
        **_refused(kind),
    }


def _batched(kind: Kind) -> Responses:
    return {
        200: answer("A replay.", shapes.batch(), headers=("Idempotency-Replayed",)),
        202: answer("All of them are accepted.", shapes.batch(), headers=("Retry-After",)),
        **_refused(kind),
    }


def _refused(kind: Kind) -> Responses:
    model = ("unknown-model",) if "model" in kind.request.model_fields else ()
    key = ("idempotency-key-required",) if kind.key_required else ()
    return refused("url-not-allowed", *model, *key)


def _straight(route: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    """Without FastAPI's exit stacks, dependencies and telemetry, which would cost as much as all the rest.

    The route itself asks what its dependencies would ask.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await route(Request(scope, receive, send))
        await response(scope, receive, send)

    return app


class Create:
    """Submits one job of a kind."""

    def __init__(self, deps: Dependencies, kind: Kind) -> None:
        self.kind = kind
        self.access = submitting(kind)
        self._deps = deps
        self._checks = Checks(deps, kind)

    async def one(self, request: Request) -> Response:
        kind = self.kind
        caller = await self._submitter(request)
        key = idempotency_key(request, required=kind.key_required)
        asked = await read_model(request, kind.request, kind.body_bytes)
        new = await self._checks.one(caller, self._new(caller, asked, key))
        submitted = await submit(caller.database, kind, new, self._deps.ringer)
        return self._answer(caller, submitted, warned([new]))

    async def _submitter(self, request: Request) -> Caller:
        doorkeeper: Doorkeeper = request.app.state.doorkeeper
        caller = await doorkeeper.caller(request.scope)
        self.access.check(caller)
        if request.scope["query_string"]:
            only(request)
        return caller

    def _new(self, caller: Caller, asked: Any, key: str | None) -> NewJob:
        asked = self._checks.completed(asked)
        return new_job(
            self.kind, asked, ids=self._deps.ids, actor=caller.actor, user_id=caller.user_id, idempotency_key=key
        )

    def _answer(self, caller: Caller, submitted: Submitted, warnings: Mapping[str, Any]) -> Response:
        content = told(caller, shown(self.kind, submitted.job))
        headers = {"Location": f"/v1/{self.kind.path}/{content['id']}", "ETag": etag(content)}
        if not submitted.created:
            return JSON({**content, **warnings}, 200, {**headers, "Idempotency-Replayed": "true"})
        return JSON({**content, **warnings}, 202, {**headers, "Retry-After": "1"})


class CreateMany(Create):
    """Submits up to 10,000 jobs of a kind in one transaction."""

    def __init__(self, deps: Dependencies, kind: Kind) -> None:
        super().__init__(deps, kind)
        jobs: Any = (
            list[kind.request],
            Field(min_length=1, max_length=deps.limits.batch_jobs, description="One request each."),
        )
        self.model: type[Any] = create_model(
            f"{kind.request.__name__}Batch",
            __base__=Strict,
            __doc__="Many requests, accepted all or not at all.",
            jobs=jobs,
        )

    async def all(self, request: Request) -> Response:
        caller = await self._submitter(request)
        key = idempotency_key(request, required=self.kind.key_required)
        asked = await read_model(request, self.model, self._deps.limits.batch_body)
        new = [self._new(caller, job, key and _member(key, index)) for index, job in enumerate(asked.jobs)]
        new = await self._checks.many(caller, new)
        if key is not None:
            await self._check_same_length(caller, key, len(new))
        submitted = await submit_all(caller.database, self.kind, new, self._deps.ringer)
        ids = [one.job.id for one in submitted]
        content = {"ids": ids, "count": len(ids), **warned(new)}
        if not any(one.created for one in submitted):
            return JSON(content, 200, {"Idempotency-Replayed": "true"})
        return JSON(content, 202, {"Retry-After": "1"})

    async def _check_same_length(self, caller: Caller, key: str, length: int) -> None:
        """A batch that continues another, or is a part of it, is another request."""
        digests = [key_digest(caller.user_id, _member(key, index)) for index in range(length + 1)]
        known = await keys_in_use(caller.database.connections, self.kind.table, digests)
        if known and known != set(digests[:length]):
            raise Problem("idempotency-key-reused", "This idempotency key was used for a batch of another length.")


def _member(key: str, index: int) -> str:
    # no caller can send a NUL, so a member's key is never a caller's own
    return f"{key}\x00{index}"


def idempotency_key(request: Request, *, required: bool) -> str | None:
    """Raises idempotency-key-required, idempotency-key-invalid."""
    given = [value.strip(b" \t") for name, value in request.scope["headers"] if name == b"idempotency-key"]
    if not given:
        if required:
            raise Problem("idempotency-key-required")
        return None
    if len(given) > 1 or not KEY.fullmatch(given[0]):
        raise Problem("idempotency-key-invalid")
    return given[0].decode()
