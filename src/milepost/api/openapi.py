"""The OpenAPI document: what the routes declare, with the problems, the key, and the models they refer to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.responses import Response

from milepost.api import schemas
from milepost.api.access import Access, access_of
from milepost.api.answers import JSON, encode
from milepost.api.dependencies import Dependencies
from milepost.domain.scopes import SCOPES

PROBLEM = {
    "description": "A problem (RFC 9457).",
    "content": {"application/problem+json": {"schema": schemas.ref("Problem")}},
}
KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key, `sk_…`. It names its tenant. Its scopes, and its user's role, bound what it may do: "
    + "; ".join(f"`{scope}` lets it {meaning}" for scope, meaning in SCOPES.items())
    + ".",
}


def install(app: FastAPI, deps: Dependencies) -> None:
    """Made at the first request for it, and kept."""
    kept: list[bytes] = []
    router = APIRouter()

    @router.get("/openapi.json", include_in_schema=False)
    async def served() -> Response:
        if not kept:
            kept.append(encode(document(app, deps)))
        return JSON(kept[0])

    app.router.routes.extend(router.routes)
    app.openapi = lambda: document(app, deps)


def document(app: FastAPI, deps: Dependencies) -> dict[str, Any]:
    found = get_openapi(
        title=app.title, version=app.version, routes=app.routes, description="Tracks long-running jobs."
    )
    models = schemas.components(deps.kinds)
    accesses = {(route.path, verb.lower()): access_of(route) for route in _routes(app) for verb in route.methods or ()}
    for path, verb, operation in _operations(found):
        _complete(operation, accesses[path, verb])
        models |= operation.get("requestBody", {}).pop("x-schemas", {})
    kept = found.get("components", {}).get("schemas", {})
    unused = {"HTTPValidationError", "ValidationError"}
    found["components"] = {
        "schemas": {**{name: shape for name, shape in kept.items() if name not in unused}, **models},
        "securitySchemes": {"key": KEY},
    }
    found["security"] = [{"key": []}]
    return found


def _routes(app: FastAPI) -> list[APIRoute]:
    return [route for route in app.routes if isinstance(route, APIRoute)]


def _operations(found: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, verbs in found["paths"].items():
        for verb, operation in verbs.items():
            yield path, verb, operation


def _complete(operation: dict[str, Any], access: Access | None) -> None:
    responses = operation["responses"]
    # every route's own word about bad input is a problem, not FastAPI's form of it
    responses.pop("422", None)
    responses |= {"4XX": PROBLEM, "503": PROBLEM}
    # each of them suffices to be let in; OpenAPI 3.1 takes names of rights for any kind of key
    operation["security"] = [] if access is None else [{"key": [scope]} for scope in access.any]
    if access is not None:
        operation["x-scopes"] = {"own": list(access.own), "others": list(access.others)}
        said = operation.get("description", "")
        operation["description"] = f"{said}\n\nScope: {access.told()}." if said else f"Scope: {access.told()}."
