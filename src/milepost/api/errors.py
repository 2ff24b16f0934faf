"""Turns whatever a route raises into application/problem+json."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from milepost.api.body import SENT
from milepost.api.edge import REQUEST_ID
from milepost.api.pointers import Sent
from milepost.api.problems import SLUGS, Problem, as_problem, shorten
from milepost.api.validation import parameter, refusal, respell, sentence
from milepost.domain.errors import MilepostError
from milepost.domain.nearest import nearest_first

logger = logging.getLogger("milepost.api")

ROOM = re.compile(r"/v1/([^/:]+)")
# who was not let in, or not let do it: 401 is bounded per address, 403 needs a key that is good
TOLD = frozenset({401, 403})
SLUG_OF_STATUS: Mapping[int, str] = {slug.status: name for name, slug in reversed(list(SLUGS.items()))}


def install(app: FastAPI) -> None:
    app.add_exception_handler(MilepostError, _on_error)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_validation)


async def _on_error(request: Request, error: Any) -> Response:
    problem = as_problem(error)
    if problem is None:
        raise error
    sent: Sent | None = request.scope.get(SENT)
    if sent is not None:
        respell(problem, sent)
    if SLUGS[problem.slug].status in TOLD:
        client = request.client.host if request.client else "?"
        what = (request.method, request.scope["path"][:200])
        logger.info("request %s of %s refused: %s, %s %r", request.scope[REQUEST_ID], client, problem.slug, *what)
    return problem.response(request.scope[REQUEST_ID])


async def _on_validation(request: Request, error: Any) -> Response:
    """Of the parameters that FastAPI reads itself."""
    found = error.errors()
    return refusal([(_place(item["loc"]), sentence(item)) for item in found], found).response(request.scope[REQUEST_ID])


def _place(location: Sequence[int | str]) -> str:
    """`?name` for the query, a header's own name."""
    where, name = location[0], str(location[1])
    return parameter(location[1:]) if where == "query" else name.title() if where == "header" else name


async def _on_http(request: Request, error: Any) -> Response:
    if error.status_code == 405:
        allowed = ", ".join(methods(request.app.routes, request.scope))
        problem = Problem("method-not-allowed", headers={"Allow": allowed})
    else:
        slug = SLUG_OF_STATUS.get(error.status_code, "bad-request")
        problem = Problem(slug, headers=error.headers)
        if error.status_code == 404:
            problem = _no_such_kind(request) or problem
    return problem.response(request.scope[REQUEST_ID])


def _no_such_kind(request: Request) -> Problem | None:
    """For an address that would be a kind's, if there were such a kind: `/v1/execution`, say."""
    match = ROOM.match(request.scope["path"])
    rooms = (ROOM.match(getattr(route, "path", "")) for route in request.app.routes)
    if match is None or match[1] in {room[1] for room in rooms if room is not None}:
        return None
    near = nearest_first(match[1], [kind.path for kind in request.app.state.deps.kinds])
    return Problem("not-found", f"There is no kind {shorten(match[1])}. Known kinds: {', '.join(near)}.", kinds=near)


def methods(routes: Sequence[BaseRoute], scope: Any) -> Iterable[str]:
    """Of all routes that share the path: each route knows its own methods alone."""
    found: set[str] = set()
    for route in routes:
        if route.matches(scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return sorted(found | {"HEAD"} if "GET" in found else found)
