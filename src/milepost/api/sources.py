"""POST /v1/images/sources: a picture to draw from, bounded before it is decoded, kept without its metadata."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from milepost.api.access import Access, needing
from milepost.api.answers import JSON
from milepost.api.auth import Authenticated
from milepost.api.body import read_bytes
from milepost.api.brief import told
from milepost.api.dependencies import Dependencies
from milepost.api.lookups import only
from milepost.api.pictures import PictureRefused, cleaned
from milepost.api.problems import Problem
from milepost.api.validation import fault
from milepost.storage import StoreRefused, paths

MOST_BYTES = 5 * 1024 * 1024
ENVELOPE = 16 * 1024  # of the multipart form around the file
UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
STORED: dict[int | str, Any] = {
    201: {
        "description": "The picture as it is kept; its id goes into a task as `source_image_id`.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "id": {"type": "string", "format": "uuid"},
                        "width": {"type": "integer"},
                        "height": {"type": "integer"},
                        "sha256": {"type": "string"},
                        "size": {"type": "integer"},
                    },
                }
            }
        },
    }
}


def add_upload(router: APIRouter, deps: Dependencies, access: Access) -> None:
    async def upload(request: Request, caller: Authenticated) -> JSON:
        only(request)
        if deps.store is None:
            raise Problem("unavailable", "No artifact store is configured.", headers={"Retry-After": "60"})
        sent = await _file(request)
        try:
            picture = await cleaned(sent)
        except PictureRefused as error:
            raise _refused(error) from None
        source_id = deps.ids()
        try:
            path = paths.image_source(caller.database.name, caller.user_id, source_id)
            stored = await deps.store.put(path, picture.data)
        except StoreRefused:
            raise Problem("unavailable", "The artifact store does not answer.", headers={"Retry-After": "5"}) from None
        content = {"id": source_id, "width": picture.width, "height": picture.height}
        return JSON(told(caller, {**content, "sha256": stored.sha256, "size": stored.size}), 201)

    router.add_api_route(
        "/v1/images/sources", upload, methods=["POST"], status_code=201, responses=STORED, openapi_extra=UPLOAD,
        dependencies=needing(access),
        summary="Upload a picture to draw from: PNG, JPEG, WebP or GIF, at most 5 MiB and 40 megapixels",
    )  # fmt: skip


async def _file(request: Request) -> bytes:
    """The one file of a form of at most 5 MiB. Raises Problem."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Problem("unsupported-media-type", "Send the picture as multipart/form-data, in the field file.")
    raw = await read_bytes(request, MOST_BYTES + ENVELOPE)

    async def chunks() -> AsyncGenerator[bytes]:
        yield raw

    try:
        form = await MultiPartParser(request.headers, chunks(), max_files=1, max_fields=0).parse()
    except (MultiPartException, KeyError, ValueError) as error:
        said = error.message if isinstance(error, MultiPartException) else "it cannot be read"
        raise Problem("bad-request", f"The form is refused: {said}"[:300]) from None
    try:
        found = form.get("file")
        if not isinstance(found, UploadFile):
            raise fault("validation-failed", "/file", "is required: the picture's bytes")
        data = await found.read()
    finally:
        await form.close()
    if len(data) > MOST_BYTES:
        raise Problem("payload-too-large", f"A picture may have at most {MOST_BYTES} bytes.")
    return data


def _refused(error: PictureRefused) -> Problem:
    if error.code == "SOURCE_TOO_LARGE":
        return Problem("payload-too-large", error.message)
    if error.code == "SOURCE_INVALID":
        return fault("validation-failed", "/file", error.message.rstrip("."))
    return Problem("unavailable", error.message, headers={"Retry-After": "60"})
