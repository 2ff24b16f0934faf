"""Draws one collectible sticker: the same specification, source and version always give the same bytes.

Loaded when asked for: a process sets its limits before the libraries for drawing are there.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workers.images.render.draw import render
    from workers.images.render.spec import Rendered, StickerSpec
    from workers.images.render.version import VERSION

__all__ = ["VERSION", "Rendered", "StickerSpec", "render"]

_PLACES = {"VERSION": "version", "Rendered": "spec", "StickerSpec": "spec", "render": "draw"}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
