"""HEAD: what GET says of its answer, without the answer."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _Enough(Exception):
    """The head is out, the rest is not wanted. Ends streams too, which would never end by themselves."""


class Head:
    """Pure ASGI: every route that has GET has HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        # RFC 9110, 14.2: parts are GET's alone
        headers = [header for header in scope["headers"] if header[0] != b"range"]
        asked = {**scope, "method": "GET", "headers": headers}

        async def head(message: Message) -> None:
            if message["type"] != "http.response.start":
                raise _Enough
            scope["route"] = asked.get("route")  # for who counts answers
            await send(message)

        try:
            await self._app(asked, receive, head)
        except _Enough:
            await send({"type": "http.response.body"})
