"""Every process' own lines to PostgreSQL and Redis: a proxy each, so that one process can be cut off alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from tests.faults.chaos.plan import KEEPERS, POSTS
from tests.faults.site import Site
from tests.servers.proxy import Proxy, proxy

Lines = Mapping[str, Proxy]


@asynccontextmanager
async def open_lines(postgres: int, redis: int) -> AsyncIterator[Lines]:
    """By name: `worker-1>postgres`."""
    async with AsyncExitStack() as stack:
        yield {
            f"{post}>{server}": await stack.enter_async_context(proxy("127.0.0.1", port))
            for post in POSTS
            for server, port in (("postgres", postgres), ("redis", redis))
        }


def addresses(site: Site, lines: Lines, post: str) -> dict[str, str]:
    """The settings of that process."""
    a, postgres, redis = site.addresses, lines[f"{post}>postgres"].port, lines[f"{post}>redis"].port
    sealer = {"sealer_database_url": _through(a.sealer, postgres)} if post in KEEPERS else {}
    return {
        **sealer,
        "database_url": _through(a.app, postgres),
        "maintenance_database_url": _through(a.maintenance, postgres),
        "control_database_url": _through(a.control, postgres),
        "redis_url": _through(site.ground.redis_url, redis),
    }


def _through(url: str, port: int) -> str:
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit((parts.scheme, f"{login}@127.0.0.1:{port}", parts.path, parts.query, ""))
