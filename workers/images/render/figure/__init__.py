"""The built-in emblem creature: two heads tall, drawn from primitives, a different one for every name and tribe."""

from __future__ import annotations

from workers.images.render.figure.draw import draw_figure

__all__ = ["draw_figure"]
