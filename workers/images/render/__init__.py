"""Draws one collectible sticker: the same specification, source and version always give the same bytes."""

from __future__ import annotations

from workers.images.render.draw import render
from workers.images.render.spec import Rendered, StickerSpec
from workers.images.render.version import VERSION

__all__ = ["VERSION", "Rendered", "StickerSpec", "render"]
