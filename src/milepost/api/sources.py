"""POST /v1/images/sources: a picture to draw from, bounded before it is decoded, kept without its metadata."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from typing import Any, BinaryIO

from fastapi import APIRouter, Request

from milepost.api import shapes
from milepost.api.access import Access, needing
from milepost.api.answers import JSON
from milepost.api.auth import Authenticated, Caller
from milepost.api.body import check_length
from milepost.api.brief import told
from milepost.api.contract import Responses, answer, refused
from milepost.api.dependencies import Dependencies
from milepost.api.forms import ENVELOPE, check_form, receive_file
from milepost.api.leaving import unless_gone
from milepost.api.lookups import only
from milepost.api.pictures import PictureRefused, cleaned
from milepost.api.problems import Problem
from milepost.api.schemas import UUID, Schema, number, text, thing
from milepost.api.validation import fault
from milepost.storage import Spool, Store, StoreRefused, paths

logger = logging.getLogger("milepost.api")

MOST_BYTES = 5 * 1024 * 1024
BOUNDS = (
    "Its first frame is kept, upright and without metadata, no longer than 1,600 pixels. No side may have more than 20,000"
    " pixels; decoding may take 400 MB, which a WebP of 25 megapixels needs, and 2 seconds of a processor. What is too much"
    " is named: 413 for size, memory and time, 422 for a structure that hides its cost. A key may have 8 pictures in hand;"
    " more are told 503 with Retry-After."
)
UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {"file": {"type": "string", "format": "binary", "description": "The picture."}},
                }
            }
        },
    }
}
ID: Schema = {**UUID, "description": "What a task names as `source_image_id`."}
PICTURE = thing(
    "A picture as it is kept.",
    {
        "id": ID,
        "width": number("In pixels."),
        "height": number("In pixels."),
        "sha256": text("Of its bytes, in hex."),
        "size": number("In bytes."),
    },
)
STORED: Responses = {
    201: answer("It is kept.", shapes.or_brief(PICTURE, thing("What a key is told that may not read.", {"id": ID}))),
    **refused("payload-too-large", "unsupported-media-type", "validation-failed"),
}


def add_upload(router: APIRouter, deps: Dependencies, access: Access) -> None:
    async def upload(request: Request, caller: Authenticated) -> JSON:
        only(request)
        if deps.store is None:
            raise Problem("unavailable", "No artifact store is configured.", headers={"Retry-After": "60"})
        check_form(request)
        check_length(request.scope, MOST_BYTES + ENVELOPE)
        # before the body: who has enough in hand sends it for nothing, and it is not kept
        with deps.pictures.place(caller.key_id):
            async with _on_disk(request, deps.spool) as file:
                return await unless_gone(request, _kept(deps, deps.store, caller, file))

    router.add_api_route(
        "/v1/images/sources", upload, methods=["POST"], status_code=201, responses=STORED, openapi_extra=UPLOAD,
        dependencies=needing(access),
        summary="Upload a picture to draw from: PNG, JPEG, WebP or GIF, at most 5 MiB and 40 megapixels",
        description=BOUNDS,
    )  # fmt: skip


@asynccontextmanager
async def _on_disk(request: Request, spool: Spool) -> AsyncGenerator[BinaryIO]:
    """The picture that is sent, from its beginning. Raises Problem."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(spool.open())
            await receive_file(request, "file", file, MOST_BYTES)
            file.seek(0)
        except OSError:
            logger.exception("an upload cannot be put on disk in %s", spool.folder or "the system's temporary folder")
            raise Problem("unavailable", "There is no room for uploads.", headers={"Retry-After": "60"}) from None
        yield file


async def _kept(deps: Dependencies, store: Store, caller: Caller, file: BinaryIO) -> JSON:
    """The answer, once it was this upload's turn and the picture is stored. Raises Problem."""
    try:
        async with deps.pictures.turn(caller.key_id):
            picture = await cleaned(file)
    except PictureRefused as error:
        raise _refused(error) from None
    source_id = deps.ids()
    try:
        path = paths.image_source(caller.database.name, caller.user_id, source_id)
        stored = await store.put(path, picture.data)
    except StoreRefused:
        raise Problem("unavailable", "The artifact store does not answer.", headers={"Retry-After": "5"}) from None
    content = {"id": source_id, "width": picture.width, "height": picture.height}
    return JSON(told(caller, {**content, "sha256": stored.sha256, "size": stored.size}), 201)


def _refused(error: PictureRefused) -> Problem:
    if error.code == "SOURCE_TOO_LARGE":
        return Problem("payload-too-large", error.message)
    if error.code == "SOURCE_INVALID":
        return fault("validation-failed", "/file", error.message.rstrip("."))
    return Problem("unavailable", error.message, headers={"Retry-After": "60"})
