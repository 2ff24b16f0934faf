"""Work for a client that may leave before it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

from milepost.api.problems import Problem

T = TypeVar("T")


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What `work` answers; it is cancelled when the client leaves. The body has been read. Raises Problem."""
    at_work, gone = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((at_work, gone), return_when=asyncio.FIRST_COMPLETED)
        if not at_work.done():
            raise Problem("bad-request", "The client left before its answer.")
        return at_work.result()
    finally:
        at_work.cancel()
        gone.cancel()
        await asyncio.gather(at_work, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
