"""What an API process answers before it can serve: it lives, it is not ready, and why; to whoever asks for more, 503."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager

from starlette.types import Receive, Scope, Send

from milepost.api.answers import JSON
from milepost.api.connections import Server, configured
from milepost.api.dependencies import Limits
from milepost.api.edge import REQUEST_ID, Edge
from milepost.api.problems import Problem
from milepost.domain.errors import Unavailable
from milepost.ownership import house_task

GRACE_SECONDS = 1


class NotYet:
    """Serves on a socket from the first fault on, until `over`. The socket stays open for who serves next."""

    def __init__(self, bound: socket.socket) -> None:
        self._bound = bound
        self._fault: Unavailable | None = None
        self._server = _Server(configured(Edge(self._answer, Limits()), lifespan="off", timeout_graceful_shutdown=GRACE_SECONDS))  # fmt: skip
        self._serving: asyncio.Task[None] | None = None

    async def tell(self, fault: Unavailable) -> None:
        self._fault = fault
        if self._serving is None:
            self._serving = house_task(self._server.serve(sockets=[self._bound.dup()]))

    async def over(self) -> None:
        if self._serving is not None:
            self._server.should_exit = True
            await self._serving

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/healthz":
            await JSON({"status": "ok"})(scope, receive, send)
            return
        why = "" if self._fault is None else self._fault.data.get("why", str(self._fault))
        checks = {"checks": {"database": why}} if scope["path"] == "/readyz" else {}
        problem = Problem("unavailable", str(self._fault), headers={"Retry-After": "2"}, **checks)
        await problem.response(scope[REQUEST_ID])(scope, receive, send)


class _Server(Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """They belong to whoever waits for the servers."""
        yield
