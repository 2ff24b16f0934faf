"""Waiting for a change without holding anything but a place in the tenant's feed."""

from __future__ import annotations

from asyncio import get_running_loop
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from milepost.engine.feed import Feed, Slow
from milepost.engine.kind import Kind

T = TypeVar("T")

LONGEST_WAIT = 30.0


async def wait_for_change(
    feed: Feed,
    kind: Kind,
    job_id: UUID,
    read: Callable[[], Awaitable[T]],
    etag: Callable[[T], str],
    *,
    seen: str | None,
    seconds: float,
) -> T | None:
    """What `read` answers once its ETag is not `seen` (or not the one found first); None when the time runs out.

    Reads at once, and then only when the feed says that something of the job has changed.
    """
    clock = get_running_loop().time
    ends = clock() + min(seconds, LONGEST_WAIT)
    # followed before it is read, so that nothing can happen between the two
    with feed.follow(frozenset({kind.name}), frozenset({job_id})) as follower:
        found = await read()
        seen = seen or etag(found)
        while etag(found) == seen:
            left = ends - clock()
            if left <= 0:
                return None
            try:
                if await follower.next(left):
                    found = await read()
            except Slow:
                found = await read()
                return found if etag(found) != seen else None
        return found
