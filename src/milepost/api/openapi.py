"""The OpenAPI document: what the routes declare, with the problems, the key, and the models they refer to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from milepost.api import schemas
from milepost.api.answers import JSON, encode
from milepost.api.dependencies import Dependencies

PUBLIC = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json", "/problems/{slug}"})
PROBLEM = {
    "description": "A problem (RFC 9457).",
    "content": {"application/problem+json": {"schema": schemas.ref("Problem")}},
}
KEY = {"type": "http", "scheme": "bearer", "description": "An API key, `sk_…`. It names its tenant."}


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
    for path, operation in _operations(found):
        _complete(path, operation)
        models |= operation.get("requestBody", {}).pop("x-schemas", {})
    kept = found.get("components", {}).get("schemas", {})
    unused = {"HTTPValidationError", "ValidationError"}
    found["components"] = {
        "schemas": {**{name: shape for name, shape in kept.items() if name not in unused}, **models},
        "securitySchemes": {"key": KEY},
    }
    found["security"] = [{"key": []}]
    return found


def _operations(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in found["paths"].items():
        for operation in methods.values():
            yield path, operation


def _complete(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    # every route's own word about bad input is a problem, not FastAPI's form of it
    responses.pop("422", None)
    responses |= {"4XX": PROBLEM, "503": PROBLEM}
    if path in PUBLIC:
        operation["security"] = []
