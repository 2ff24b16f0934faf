"""Image tasks: the handler, and who draws. Loaded when asked for: the programs in here begin without them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workers.images.handler import run
    from workers.images.studio import MOST_AT_ONCE, open_ports

__all__ = ["MOST_AT_ONCE", "open_ports", "run"]

PLACES = {"MOST_AT_ONCE": "studio", "open_ports": "studio", "run": "handler"}


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{PLACES[name]}"), name)
