"""Stickers through the client, from a real stack with the real renderer."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image

from milepost.client import ApiError, Client
from tests.images_fixtures import REQUEST

SMALL: dict[str, Any] = {**REQUEST, "size": 256}


async def test_a_sticker_is_drawn_read_and_counted(client: Client) -> None:
    job = await client.wait((await client.submit("images", **SMALL, seed=3)).id, timeout=50)
    again = await client.wait((await client.submit("images", **SMALL, seed=3)).id, timeout=50)

    result = job.columns["result"]
    data = await client.images.read(result["image_url"])
    assert (job.succeeded, Image.open(io.BytesIO(data)).size) == (True, (256, 256))
    assert hashlib.sha256(data).hexdigest() == result["sha256"] == again.columns["result"]["sha256"]
    assert (result["cached"], again.columns["result"]["cached"]) == (False, True)
    history = await client.images.history(page_size=2)
    assert [image["task_id"] for image in history] == [str(again.id), str(job.id)]
    today = datetime.now(UTC).date()
    assert (await client.images.usage(today, today))["sum"]["image_count"] >= 2


async def test_an_uploaded_picture_becomes_the_character(client: Client) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (300, 300), (20, 90, 200)).save(stream, "JPEG")

    source = await client.images.upload(stream.getvalue())
    job = await client.wait((await client.submit("images", **SMALL, source_image_id=str(source))).id, timeout=50)

    assert job.succeeded, job.error_message


async def test_what_is_no_picture_is_refused_in_words(client: Client) -> None:
    with pytest.raises(ApiError, match="neither PNG, JPEG, WebP nor GIF"):
        await client.images.upload(b"<svg/>")


async def test_a_picture_is_deleted(client: Client) -> None:
    job = await client.wait((await client.submit("images", **SMALL, seed=4)).id, timeout=50)
    image_id = job.columns["result"]["image_id"]

    await client.images.delete(image_id)

    assert image_id not in [image["id"] for image in await client.images.history(page_size=100)]
