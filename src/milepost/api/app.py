"""The application: routes of every module, problems for every error, one thin layer around it all."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from fastapi import FastAPI

from milepost import __version__
from milepost.api.dependencies import Dependencies

# in the order of how often they are asked
ROUTERS = ("jobs", "events", "why", "summary", "health", "artifacts", "updates", "explained")


def create_app(deps: Dependencies) -> FastAPI:
    app = FastAPI(title="Milepost", version=__version__, redirect_slashes=False, docs_url=None, redoc_url=None)
    app.state.deps = deps
    for name in ROUTERS:
        if find_spec(f"milepost.api.{name}"):
            app.include_router(import_module(f"milepost.api.{name}").routes(deps))
    return app
