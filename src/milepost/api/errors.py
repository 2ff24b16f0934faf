"""Turns whatever a route raises into application/problem+json."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from milepost.api.edge import REQUEST_ID
from milepost.api.problems import SLUGS, Problem, as_problem
from milepost.api.validation import refusal
from milepost.domain.errors import MilepostError

logger = logging.getLogger("milepost.api")

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
    if SLUGS[problem.slug].status in TOLD:
        client = request.client.host if request.client else "?"
        what = (request.method, request.scope["path"][:200])
        logger.info("request %s of %s refused: %s, %s %r", request.scope[REQUEST_ID], client, problem.slug, *what)
    return problem.response(request.scope[REQUEST_ID])


async def _on_validation(request: Request, error: Any) -> Response:
    """Of the parameters that FastAPI reads itself: `?name` for the query, a header's own name."""
    found = [{**item, "loc": item["loc"][1:]} for item in error.errors()]
    prefix = "?" if error.errors()[0]["loc"][0] == "query" else ""
    return refusal(found, prefix).response(request.scope[REQUEST_ID])


async def _on_http(request: Request, error: Any) -> Response:
    if error.status_code == 405:
        allowed = ", ".join(methods(request.app.routes, request.scope))
        problem = Problem("method-not-allowed", headers={"Allow": allowed})
    else:
        slug = SLUG_OF_STATUS.get(error.status_code, "bad-request")
        problem = Problem(slug, headers=error.headers)
    return problem.response(request.scope[REQUEST_ID])


def methods(routes: Sequence[BaseRoute], scope: Any) -> Iterable[str]:
    """Of all routes that share the path: each route knows its own methods alone."""
    found: set[str] = set()
    for route in routes:
        if route.matches(scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return sorted(found | {"HEAD"} if "GET" in found else found)
