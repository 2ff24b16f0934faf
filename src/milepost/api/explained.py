"""GET /problems/<slug>: what a problem's type means."""

from __future__ import annotations

from fastapi import APIRouter

from milepost.api.answers import JSON
from milepost.api.dependencies import Dependencies
from milepost.api.problems import SLUGS, not_found


def routes(_: Dependencies) -> APIRouter:
    router = APIRouter()

    @router.get("/problems/{slug}", summary="What a problem means", tags=["problems"])
    async def explained(slug: str) -> JSON:
        found = SLUGS.get(slug)
        if found is None:
            raise not_found()
        return JSON(
            {"type": f"/problems/{slug}", "title": found.title, "status": found.status, "detail": found.meaning}
        )

    return router
