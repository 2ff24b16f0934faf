"""What one API process serves: the API under /v1, and beside it the dashboard, over the same databases and feeds."""

from __future__ import annotations

from fastapi import FastAPI

from milepost.api.app import create_app
from milepost.api.dependencies import Dependencies
from milepost.dashboard.app import routes
from milepost.dashboard.desk import Desk


def create_face(deps: Dependencies) -> FastAPI:
    app = create_app(deps)
    # last, and each by itself: a path that neither has is still the API's 404
    app.router.routes.extend(routes(desk_of(deps)))
    return app


def desk_of(deps: Dependencies) -> Desk:
    return Desk(
        databases=deps.databases,
        ringer=deps.ringer,
        kinds=deps.kinds,
        presence=deps.presence,
        feeds=deps.feeds,
        refusals=deps.refusals,
        store=deps.store,
        pepper=deps.pepper,
        tenant_active=deps.tenant_active,
    )
