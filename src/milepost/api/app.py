"""The application: routes of every module, problems for every error, one thin layer around it all."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from milepost import __version__
from milepost.api import (
    access,
    artifacts,
    control,
    create,
    errors,
    events,
    explained,
    health,
    images,
    jobs,
    openapi,
    summary,
    updates,
    why,
)
from milepost.api.auth import Doorkeeper
from milepost.api.dependencies import Dependencies
from milepost.api.edge import Edge
from milepost.api.head import Head
from milepost.api.paths import narrow
from milepost.engine.api_keys import KeyRing

# in the order of how often they are asked: routes are tried one after another
ROOMS = (create, jobs, control, events, why, summary, health, artifacts, updates, images, explained)


def create_app(deps: Dependencies) -> FastAPI:
    """One process's application; everything it needs is in `deps`."""
    ring = KeyRing(deps.databases, deps.pepper, active=deps.tenant_active)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        yield
        await deps.feeds.close()
        await ring.aclose()

    app = FastAPI(
        title="Milepost", version=__version__, lifespan=lifespan, redirect_slashes=False,
        openapi_url=None, docs_url=None, redoc_url=None,
    )  # fmt: skip
    app.state.deps = deps
    app.state.doorkeeper = Doorkeeper(ring, deps)
    for room in ROOMS:
        # not include_router: it would match every path twice
        app.router.routes.extend(room.routes(deps).routes)
    access.check_all(app.router.routes)
    openapi.install(app, deps)
    for route in app.router.routes:
        narrow(route)
    errors.install(app)
    app.add_middleware(Head)
    app.add_middleware(Edge, limits=deps.limits)
    return app
