"""What a run ran on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import Any

from tests.faults.site import Site

LIBRARIES = ("asyncpg", "arq", "redis", "fastapi", "uvicorn")


def machine() -> dict[str, Any]:
    """Ask before anything is started: the load is that of others."""
    return {"cpus": os.cpu_count(), "system": platform.platform(), "load_before": os.getloadavg()}


async def versions(site: Site) -> dict[str, str]:
    redis = await site.redis.info("server")
    name = redis.get("server_name", "redis")
    return {
        "postgresql": await site.owner.fetchval("SHOW server_version"),
        name: redis[f"{name}_version"],
        "python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
    }
