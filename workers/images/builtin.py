"""The built-in renderer: draws in processes of its own, so that no heartbeat ever waits for a picture."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from workers.images.port import Picture, Renderer, RendererError

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
# enough that no core waits for a task to be claimed or stored, few enough that none times out in the line
MOST_AT_ONCE = 4 * CORES


class Missing:
    """Stands in where the libraries for drawing are not installed."""

    version = "missing"

    async def render(self, wanted: Mapping[str, Any], source: bytes | None, report: Report, key: str) -> Picture:  # noqa: ARG002 - the port's
        raise RendererError("RENDERER_UNAVAILABLE", "Drawing needs the extra milepost[images].", retry=True)


@asynccontextmanager
async def open_renderer() -> AsyncGenerator[Renderer]:
    yield Missing()
