"""The OpenAPI document: what the routes declare, with the problems, the key, and the models they refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.responses import Response

from milepost.api import shapes
from milepost.api.access import Access, access_of
from milepost.api.answers import JSON, encode
from milepost.api.contract import HEADERS, completed
from milepost.api.dependencies import Dependencies
from milepost.api.problems import SLUGS
from milepost.api.schemas import CANONICAL_UUID, Schema
from milepost.domain.scopes import SCOPES

TOLD = """Milepost tracks long-running jobs: submit them, watch them, control them.

Bodies are JSON in UTF-8, at most 32 deep; no text and no name holds NUL, no name stands twice in one object, and a number
without a fraction is written without a point. Times are RFC 3339 with an offset, with a blank or a `T` between,
from 0001-01-02 to 9999-12-30. What is refused is answered by a problem (RFC 9457); every refusal of a route is
named in its `x-problems`, and explained at `/problems/{slug}`. Each route says which scopes its key needs: one of them lets it
in, and what is not its user's own takes one of `x-scopes.others`. A key without a scope to read is told `Brief` answers."""
KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key, `sk_…`. It names its tenant. Its scopes, and its user's role, bound what it may do: "
    + "; ".join(f"`{scope}` lets it {meaning}" for scope, meaning in SCOPES.items())
    + ".",
}
IN_PATH: Mapping[str, Schema] = {
    "job_id": {"schema": CANONICAL_UUID, "description": "The job's id."},
    "artifact_id": {"schema": CANONICAL_UUID, "description": "The file's id."},
    "image_id": {"schema": CANONICAL_UUID, "description": "The picture's id."},
    "name": {"schema": {"type": "string", "pattern": r"^[0-9a-f]{64}\.png$"}, "description": "The name of its file."},
    "slug": {"schema": {"type": "string", "enum": list(SLUGS)}, "description": "What stands behind /problems/."},
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
    found = get_openapi(title=app.title, version=app.version, routes=app.routes, description=TOLD)
    models = shapes.components(deps.kinds)
    accesses = {(route.path, verb.lower()): access_of(route) for route in _routes(app) for verb in route.methods or ()}
    for path, verb, operation in _operations(found):
        _complete(path, operation, accesses[path, verb])
        models |= operation.get("requestBody", {}).pop("x-schemas", {})
    if "http" not in deps.callback_rules.schemes:
        _https_alone(models)
    found["components"] = {
        "schemas": models, "responses": _shared(found), "headers": dict(HEADERS), "securitySchemes": {"key": KEY},
    }  # fmt: skip
    found["security"] = [{"key": []}]
    return found


def _routes(app: FastAPI) -> list[APIRoute]:
    return [route for route in app.routes if isinstance(route, APIRoute)]


def _operations(found: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, verbs in found["paths"].items():
        for verb, operation in verbs.items():
            yield path, verb, operation


def _complete(path: str, operation: dict[str, Any], access: Access | None) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter.update(IN_PATH[parameter["name"]])
    operation["responses"] = completed(operation, with_key=access is not None, with_id="{" in path)
    operation.setdefault("tags", [path.split("/")[2].partition(":")[0] if path.startswith("/v1/") else "service"])
    # each of them suffices to be let in; OpenAPI 3.1 takes names of rights for any kind of key
    operation["security"] = [] if access is None else [{"key": [scope]} for scope in access.any]
    if access is not None:
        operation["x-scopes"] = {"own": list(access.own), "others": list(access.others)}
        said = operation.get("description", "")
        operation["description"] = f"{said}\n\nScope: {access.told()}." if said else f"Scope: {access.told()}."


def _shared(found: dict[str, Any]) -> dict[str, Schema]:
    """Refusals that stand at many routes, once and by name: they would be most of the document."""
    shared: dict[str, Schema] = {}
    for _, _, operation in _operations(found):
        for status, told in operation["responses"].items():
            if "x-problems" in told:
                same = [name for name, other in shared.items() if other == told]
                name = same[0] if same else f"Refused{status}-{1 + sum(name[7:10] == status for name in shared)}"
                shared[name] = told
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return shared


def _https_alone(models: Mapping[str, Schema]) -> None:
    """As this installation is set: callbacks may go to no other scheme."""
    for model in models.values():
        for shape in model.get("properties", {}).get("callback_url", {}).get("anyOf", ()):
            if "pattern" in shape:
                shape["pattern"] = shape["pattern"].replace("[Ss]?", "[Ss]")
