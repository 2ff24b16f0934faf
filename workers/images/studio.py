"""Opens what image tasks need beside the store: the renderer, and how long a picture stays in the cache."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from milepost.wiring import Runtime
from workers.images.builtin import open_renderer
from workers.images.handler import Studio

DAY = 24 * 3600
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
# enough that no core waits for a task to be claimed or stored, few enough that none times out in the line
MOST_AT_ONCE = 4 * CORES


@asynccontextmanager
async def open_ports(runtime: Runtime) -> AsyncGenerator[Mapping[str, Any]]:
    """The processes that draw end with the worker."""
    async with open_renderer() as renderer:
        yield {"images": Studio(renderer, runtime.settings.image_cache_days * DAY)}
