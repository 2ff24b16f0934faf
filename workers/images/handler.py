"""Draws one sticker, or finds it in the cache; stores it, and says what the transition brings."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid5

from milepost.domain.job import Job
from milepost.domain.outcome import Again, Done, Failed, Outcome
from milepost.domain.transition import Effect
from milepost.engine.context import Context
from milepost.kinds.images.effects import CACHED_IMAGE, GENERATED_IMAGE
from milepost.kinds.images.upkeep import image_url
from milepost.storage import NoSuchFile, StoreRefused, paths
from workers.images import cache
from workers.images.port import Picture, Renderer, RendererError

PREPARED = (10, "prepared")
KEPT = ("prompt", "title", "character_name", "attribute", "rarity", "background_color", "source_image_url")


@dataclass(frozen=True, slots=True)
class Studio:
    """The port `images`: who draws, and how many seconds a picture stays in the cache."""

    renderer: Renderer
    cache_seconds: float


async def run(job: Job, ctx: Context) -> Outcome:
    """The picture, or what to do about not having one."""
    began = time.monotonic()
    studio: Studio = ctx.ports["images"]
    data: Mapping[str, Any] = json.loads(job["data"])
    try:
        source = await _source(job, ctx)
        key = cache.key_of(data, source, studio.renderer.version, job["user_id"])
        known = await cache.find(ctx.database, key)
        if known is not None and not data["no_cache"] and await cache.unharmed(ctx.ports["store"], ctx.tenant, known):
            picture = Picture(b"", known.width, known.height, known.seed, known.version)
            return _done(job, data, picture, known.sha256, began, cached=True)
        await ctx.progress(*PREPARED)
        picture = await studio.renderer.render(data, source, ctx.progress, ctx.idempotency_key)
        sha256 = await _store(ctx, picture)
    except RendererError as error:
        return _failed(error)
    except StoreRefused as error:
        return Failed("ARTIFACT_STORE", f"The store did not do its part: {error}", retry=True)
    # a row that is there and could not be used: its file is gone, or its owner wants a new picture
    row = cache.row(key, picture, sha256, seconds=studio.cache_seconds, replaces=known is not None)
    return _done(job, data, picture, sha256, began, Effect(CACHED_IMAGE, row))


async def _source(job: Job, ctx: Context) -> bytes | None:
    """The uploaded picture that the task names. Raises RendererError, StoreRefused."""
    if job["source_image_id"] is None:
        return None
    try:
        return await ctx.ports["store"].read_all(paths.image_source(ctx.tenant, job["user_id"], job["source_image_id"]))
    except NoSuchFile:
        message = "The uploaded picture is gone. Upload it again and submit another task."
        raise RendererError("SOURCE_INVALID", message) from None


async def _store(ctx: Context, picture: Picture) -> str:
    """The digest. A file that is there is written again, so that its age starts anew for the sweep."""
    path = paths.image_file(ctx.tenant, cache.digest(picture.png))
    stored = await ctx.ports["store"].put(path, picture.png, replace=True)
    return stored.sha256


def _done(
    job: Job, data: Mapping[str, Any], picture: Picture, sha256: str, began: float, *more: Effect, cached: bool = False
) -> Done:
    image_id = uuid5(job.id, f"image/{job.version}")
    result = {
        "image_id": str(image_id),
        "image_url": image_url(sha256),
        "width": picture.width,
        "height": picture.height,
        "sha256": sha256,
        "cached": cached,
        "duration_ms": int((time.monotonic() - began) * 1000),
        "seed": picture.seed,
        "tokens": picture.tokens,
        "renderer_version": picture.version,
    }
    row = (
        image_id, job["user_id"], image_url(sha256), *(data[name] for name in KEPT),
        json.dumps(data["effects"]), json.dumps(data["style"]), sha256, picture.version, picture.width, picture.height,
        cached,
    )  # fmt: skip
    columns = {
        "result": json.dumps(result),
        "tokens_used": job["tokens_used"] + picture.tokens,
        "stage": "stored",
    }
    return Done(columns, (Effect(GENERATED_IMAGE, row), *more), reason="cache_hit" if cached else "completed")


def _failed(error: RendererError) -> Outcome:
    if error.wait is not None:
        return Again(error.wait, error.code, error.message)
    return Failed(error.code, error.message, retry=error.retry)
