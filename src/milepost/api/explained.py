"""GET /problems/<slug>: what a problem's type means."""

from __future__ import annotations

from fastapi import APIRouter

from milepost.api.answers import JSON
from milepost.api.contract import answer
from milepost.api.dependencies import Dependencies
from milepost.api.problems import SLUGS, not_found
from milepost.api.schemas import number, text, thing

MEANING = thing(
    "A kind of problem.",
    {
        "type": text("Its address."),
        "title": text("Its name in words."),
        "status": number("The status that it comes with."),
        "detail": text("What it means, and what to do."),
    },
)


def routes(_: Dependencies) -> APIRouter:
    router = APIRouter()

    @router.get("/problems/{slug}", summary="What a problem means", responses={200: answer("Its meaning.", MEANING)})
    async def explained(slug: str) -> JSON:
        found = SLUGS.get(slug)
        if found is None:
            raise not_found()
        return JSON(
            {"type": f"/problems/{slug}", "title": found.title, "status": found.status, "detail": found.meaning}
        )

    return router
