"""What belongs to image tasks beside the tasks: pictures, their files, uploaded sources, usage by day."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from milepost.api import schemas, shapes
from milepost.api.access import READ, READ_OWN, Access, controlling, needing, submitting
from milepost.api.answers import JSON
from milepost.api.auth import Authenticated, Caller
from milepost.api.contract import IF_MATCH_FILE, IF_NONE_MATCH, Responses, answer
from milepost.api.cursors import Cursors
from milepost.api.dependencies import Dependencies
from milepost.api.lookups import id_in_path, only
from milepost.api.preconditions import is_known, must_match
from milepost.api.problems import Problem, not_found
from milepost.api.query import DEEPEST_ROW, Cursor, Number, parse, whole_number
from milepost.api.schemas import text, thing
from milepost.api.sources import add_upload
from milepost.api.validation import fault
from milepost.domain.ids import SHORT
from milepost.kinds.images import reads
from milepost.kinds.images.records import GeneratedImage, UsageStats
from milepost.kinds.told import Told, whole
from milepost.storage import DigestMismatch, NoSuchFile, StoreRefused, paths

KIND = "image_task"
LONGEST_DAYS = 366
USUAL_DAYS = 30
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FILE = re.compile(r"([0-9a-f]{64})\.png")
PNG: Responses = {
    200: answer("The bytes.", {"type": "string", "format": "binary"}, media_type="image/png", headers=("ETag",)),
    304: answer("Not changed.", headers=("ETag",)),
}
PICTURE = thing("A picture.", schemas.row(GeneratedImage.__table__))
USAGE = thing(
    "What tasks came to.",
    {
        "items": schemas.items(
            thing("One day.", schemas.row(UsageStats.__table__, only=("date", *reads.COUNTS))), "Days, in order."
        ),
        "sum": thing("All of them.", schemas.row(UsageStats.__table__, only=reads.COUNTS)),
        "from": text("The first day.", format="date"),
        "to": text("The last day.", format="date"),
    },
)


def day(value: Any) -> Any:
    try:
        if isinstance(value, str) and DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise PydanticCustomError("invalid_datetime", "must be a date, like 2026-01-31")


Day = Annotated[date, BeforeValidator(day), Told(pattern=whole(DAY.pattern))]


class HistoryPart(BaseModel):
    """Which part of the history. A page, an offset or a cursor."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    page: Number = Field(1, ge=1, le=DEEPEST_ROW + 1, description="Instead of an offset, up to row 10,000.")
    page_size: Number = Field(20, ge=1, le=100, description="How many a page may have.")
    offset: Annotated[int, Field(ge=0, le=DEEPEST_ROW), BeforeValidator(whole_number)] | None = Field(
        None, description="How many of the newest to leave out."
    )
    cursor: Cursor | None = Field(
        None, max_length=500, description="Instead of a page: `next_cursor` of the page before."
    )
    short_id: str | None = Field(None, pattern=f"^{SHORT.pattern}$", description="The last 8 hex digits of the id.")


class Days(BaseModel):
    """Both days are included."""

    model_config = ConfigDict(extra="forbid")

    from_: Day | None = Field(None, alias="from", description="The first UTC day; without it 30 days up to the last.")
    to: Day | None = Field(None, description="The last UTC day; without it today.")


def routes(deps: Dependencies) -> APIRouter:
    router = APIRouter(tags=["images"])
    kind = next((kind for kind in deps.kinds if kind.name == KIND), None)
    if kind is None:
        return router
    add_upload(router, deps, submitting(kind))
    _add_history(router, deps)
    _add_one(router, controlling([kind]))
    _add_file(router, deps)
    _add_usage(router)
    return router


def _add_history(router: APIRouter, deps: Dependencies) -> None:
    async def listed(request: Request, caller: Authenticated) -> JSON:
        asked = parse(request.scope, HistoryPart)
        cursors = Cursors(deps.secret, caller, "generated_images", {})
        offset, after = _place(asked, cursors)
        if asked.short_id is None:
            found = await reads.history(
                caller.database, caller.user_id, limit=asked.page_size, offset=offset, after=after
            )
        else:
            found = await reads.history_ending(caller.database, caller.user_id, asked.short_id)
        last = found.images[-1] if found.more else None
        return JSON({
            "items": found.images,
            "page": asked.page if asked.cursor is None and asked.offset is None else None,
            "page_size": asked.page_size,
            "total": found.total,
            "next_cursor": cursors.make(last["created_at"], last["id"]) if last else None,
        })  # fmt: skip

    router.add_api_route(
        "/v1/generated_images", listed, summary="Your pictures, newest first", responses={200: answer("One page.", shapes.page_of(PICTURE))},
        openapi_extra={"parameters": schemas.parameters(HistoryPart)}, dependencies=needing(READ_OWN),
    )  # fmt: skip


def _place(asked: HistoryPart, cursors: Cursors) -> tuple[int, tuple[datetime, UUID] | None]:
    given = asked.model_fields_set & {"page", "offset", "cursor"}
    if len(given) > 1:
        raise Problem("invalid-cursor", "A request names a page, an offset or a cursor, not several of them.")
    if asked.cursor is not None:
        value, image_id = cursors.read(asked.cursor)
        return 0, (datetime.fromisoformat(value), image_id)
    offset = asked.offset if asked.offset is not None else (asked.page - 1) * asked.page_size
    if offset > DEEPEST_ROW:
        raise fault("out-of-range", "?page", f"pages end at row {DEEPEST_ROW}; follow next_cursor instead")
    return offset, None


def _add_one(router: APIRouter, access: Access) -> None:
    async def one(request: Request, image_id: str, caller: Authenticated) -> JSON:
        only(request)
        return JSON(await _visible(caller, image_id))

    async def deleted(request: Request, image_id: str, caller: Authenticated) -> Response:
        only(request)
        image = await _visible(caller, image_id)
        if image["user_id"] != caller.user_id:
            caller.need(*access.others)
        must_match(request, f'"{image["sha256"]}"')
        await reads.delete_image(caller.database, image["id"], caller.actor)
        return Response(status_code=204)

    path = "/v1/generated_images/{image_id}"
    router.add_api_route(
        path, one, summary="One picture", responses={200: answer("The picture.", PICTURE)}, dependencies=needing(READ)
    )
    router.add_api_route(
        path, deleted, methods=["DELETE"], status_code=204, summary="Delete a picture of yours",
        responses={204: answer("It is gone.")}, openapi_extra={"parameters": [IF_MATCH_FILE]},
        dependencies=needing(access),
    )  # fmt: skip


async def _visible(caller: Caller, text: str) -> dict[str, Any]:
    """Raises not-found, alike for what does not exist and what is another's."""
    image = await reads.find_image(caller.database, id_in_path(text))
    if image is None or not caller.sees(image["user_id"]):
        raise not_found()
    return image


def _add_file(router: APIRouter, deps: Dependencies) -> None:
    async def file(request: Request, name: str, caller: Authenticated) -> Response:
        only(request)
        match = FILE.fullmatch(name)
        if match is None or not await reads.has_image(caller.database, match[1], caller.owner):
            raise not_found()
        tag = f'"{match[1]}"'
        headers = {
            "ETag": tag,
            "Cache-Control": "private, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
        }
        must_match(request, tag)
        if is_known(request, tag):
            return Response(status_code=304, headers=headers)
        return Response(await _bytes(deps, caller, match[1]), headers=headers, media_type="image/png")

    router.add_api_route(
        "/v1/image_files/{name}", file, summary="The bytes of a picture of yours", response_class=Response,
        responses=PNG, dependencies=needing(READ), openapi_extra={"parameters": [IF_MATCH_FILE, IF_NONE_MATCH]},
    )  # fmt: skip


async def _bytes(deps: Dependencies, caller: Caller, sha256: str) -> bytes:
    try:
        if deps.store is not None:
            return await deps.store.read_all(paths.image_file(caller.database.name, sha256), sha256=sha256)
    except (NoSuchFile, DigestMismatch):
        raise not_found() from None
    except StoreRefused:
        pass
    raise Problem("unavailable", "The artifact store does not answer.", headers={"Retry-After": "5"})


def _add_usage(router: APIRouter) -> None:
    async def usage(request: Request, caller: Authenticated) -> JSON:
        first, last = await _window(caller, parse(request.scope, Days))
        days = await reads.usage(caller.database, caller.user_id, first, last)
        total = {name: sum(each[name] for each in days) for name in reads.COUNTS}
        return JSON({"items": days, "sum": total, "from": first, "to": last})

    router.add_api_route(
        "/v1/usage_stats", usage, summary="What your tasks came to, by UTC day", responses={200: answer("Days with an end, and their sum.", USAGE)},
        openapi_extra={"parameters": schemas.parameters(Days)}, dependencies=needing(READ_OWN),
    )  # fmt: skip


async def _window(caller: Caller, asked: Days) -> tuple[date, date]:
    """At most 366 days; without bounds the last 30."""
    last = asked.to or await reads.today(caller.database)
    first = asked.from_ or max(last, date(1, 2, 1)) - timedelta(days=USUAL_DAYS - 1)
    if first > last:
        raise fault("invalid-filter", "?from", "must not be after the other day")
    if (last - first).days >= LONGEST_DAYS:
        raise fault("out-of-range", "?from", f"may be at most {LONGEST_DAYS} days, both included, before the other")
    return first, last
