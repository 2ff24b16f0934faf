"""The built-in renderer: draws in processes of its own, so that no heartbeat ever waits for a picture."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from workers.images.port import Picture, Renderer, RendererError, Report

if TYPE_CHECKING:
    from workers.images.render.pool import RenderPool

INPUTS = (
    "title", "character_name", "attribute", "rarity", "background_color", "prompt", "effects", "style", "seed", "size",
)  # fmt: skip


class BuiltIn:
    """Needs no network, and costs nothing but time."""

    def __init__(self, pool: RenderPool, version: str) -> None:
        self._pool = pool
        self._version = version

    @property
    def version(self) -> str:
        return self._version

    async def render(self, wanted: Mapping[str, Any], source: bytes | None, report: Report, key: str) -> Picture:  # noqa: ARG002 - asks nobody else
        from workers.images.render import StickerSpec  # noqa: PLC0415 - needs libraries that may be missing
        from workers.images.render.pool import RenderFailed  # noqa: PLC0415
        from workers.images.render.source import SourceRefused  # noqa: PLC0415

        spec = StickerSpec(**{name: wanted[name] for name in INPUTS})
        try:
            drawn = await self._pool.render(spec, source, report)
        except SourceRefused as error:
            raise RendererError(error.code, error.message) from None
        except RenderFailed as error:
            raise RendererError("RENDER_FAILED", str(error), retry=True) from error
        return Picture(drawn.png, drawn.width, drawn.height, drawn.seed, drawn.version)


class Missing:
    """Stands in where the libraries for drawing are not installed: the rest of the stack runs without them."""

    def __init__(self, library: str) -> None:
        self._library = library

    @property
    def version(self) -> str:
        return "missing"

    async def render(self, wanted: Mapping[str, Any], source: bytes | None, report: Report, key: str) -> Picture:  # noqa: ARG002 - draws nothing
        # for good: another attempt would most likely meet the same worker, and what is missing does not come by itself
        message = f"Drawing needs {self._library}, which this worker has not: pip install 'milepost[images]'"
        raise RendererError("RENDERER_UNAVAILABLE", message)


@asynccontextmanager
async def open_renderer() -> AsyncGenerator[Renderer]:
    """Processes start with the first drawings, one for each core."""
    try:
        from workers.images.render import VERSION  # noqa: PLC0415 - needs libraries that may be missing
        from workers.images.render.pool import RenderPool  # noqa: PLC0415
    except ModuleNotFoundError as error:
        yield Missing(error.name or "a library")
        return
    async with RenderPool() as pool:
        yield BuiltIn(pool, VERSION)
