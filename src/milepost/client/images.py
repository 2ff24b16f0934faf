"""What belongs to image tasks beside the tasks: uploads, pictures, usage."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from milepost.client.errors import Unsendable
from milepost.client.paths import read_id
from milepost.client.transport import Transport


class Images:
    """`client.images`. A task itself is submitted like any job: `await client.submit("images", …)`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def upload(self, picture: Path | bytes) -> UUID:
        """Sends a picture to draw from; its id goes into a task as `source_image_id`. Raises ApiError."""
        data = picture if isinstance(picture, bytes) else await asyncio.to_thread(picture.read_bytes)
        answer = await self._transport.call("POST", "/v1/images/sources", files={"file": ("picture", data)})
        return UUID(answer.json()["id"])

    async def read(self, image_url: str) -> bytes:
        """The bytes of a picture by the `image_url` of a result or of the history."""
        return (await self._transport.call("GET", image_url)).content

    async def history(
        self, *, offset: int = 0, page_size: int = 20, short_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Your pictures, newest first; or those whose ids end in these 8 digits."""
        given: dict[str, Any] = {"offset": offset, "page_size": page_size, "short_id": short_id}
        parameters = {name: value for name, value in given.items() if value is not None}
        answer = await self._transport.call("GET", "/v1/generated_images", params=parameters)
        return answer.json()["items"]

    async def get(self, image_id: UUID | str) -> dict[str, Any]:
        """One picture's record. Raises ApiError, and Unsendable for what is no id."""
        return (await self._transport.call("GET", _path(image_id))).json()

    async def delete(self, image_id: UUID | str) -> None:
        """Raises ApiError, and Unsendable for what is no id."""
        await self._transport.call("DELETE", _path(image_id), repeat="unless_sent")

    async def usage(self, first: date | None = None, last: date | None = None) -> dict[str, Any]:
        """By UTC day, with the sum; the last 30 days where nothing is said."""
        given = {"from": first, "to": last}
        parameters = {name: day.isoformat() for name, day in given.items() if day is not None}
        return (await self._transport.call("GET", "/v1/usage_stats", params=parameters)).json()


def _path(image_id: UUID | str) -> str:
    if (found := read_id(image_id)) is None:
        raise Unsendable(reason=f"{image_id} is no id")
    return f"/v1/generated_images/{found}"
