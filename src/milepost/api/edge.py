"""The outermost layer: an id for every request, bounds on headers, no encoded bodies, no bare 500."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from functools import lru_cache
from itertools import count
from time import perf_counter

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from milepost import observe
from milepost.api.dependencies import Limits
from milepost.api.problems import Problem, unavailable
from milepost.api.targets import is_host
from milepost.db import faults

logger = logging.getLogger("milepost.api")

REQUEST_ID = "milepost.request_id"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# what every answer says unless its route knows better
USUAL = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
)
# what a second one would say otherwise: whoever stands before us may have read the other
ONCE = frozenset({b"host", b"content-type", b"transfer-encoding"})
OF_THE_SERVER = "*"
HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class Edge:
    """Pure ASGI: no task, no copy and no log line per request."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits
        self._process = secrets.token_hex(6)
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope[REQUEST_ID] = f"{self._process}-{next(self._numbers):x}"
        identity = (b"x-request-id", request_id.encode())
        started = False
        began = perf_counter()

        async def named(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                complete(message["headers"], scope)
                message["headers"].append(identity)
                count_answer(scope, message["status"], perf_counter() - began)
            await send(message)

        try:
            answer = answered(scope, self._limits, request_id)
            if answer is None:
                await self._app(scope, receive, named)
                return
        except Exception as error:
            # the path is a template's or a caller's, never a secret; query strings are not logged
            logger.exception("request %s failed: %s %r", request_id, scope["method"], scope["path"][:200])
            if started:
                raise
            problem = (
                unavailable(faults.unavailable(error)) if faults.is_the_servers(error) else Problem("internal-error")
            )
            answer = problem.response(request_id)
        await answer(scope, receive, named)


@lru_cache(maxsize=1024)
def _figures(method: str, route: str, status: int) -> tuple[Callable[[], None], Callable[[float], None]]:
    """Looking a metric up by its labels costs more than counting."""
    return observe.REQUESTS.labels(method, route, status).inc, observe.REQUEST_SECONDS.labels(route).observe


def count_answer(scope: Scope, status: int, seconds: float) -> None:
    """By the route's template: a path of its own for every job would be a metric for every job."""
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in METHODS else "other"
    inc, took = _figures(method, route, status)
    inc()
    took(seconds)


def complete(headers: list[tuple[bytes, bytes]], scope: Scope) -> None:
    said = {name for name, _ in headers}
    headers += [usual for usual in USUAL if usual[0] not in said]
    if scope["scheme"] == "https":
        headers.append(HTTPS_ONLY)


def answered(scope: Scope, limits: Limits, request_id: str) -> Response | None:
    """What no route is to see. OPTIONS of the server itself is nobody's (RFC 9110, 9.3.7)."""
    problem = refused(scope, limits)
    if problem is not None:
        return problem.response(request_id)
    if scope["path"] == OF_THE_SERVER:
        return Response(status_code=204, headers={"Allow": ", ".join(sorted(METHODS))})
    return None


def refused(scope: Scope, limits: Limits) -> Problem | None:
    headers = scope["headers"]
    size = 0
    once: dict[bytes, bytes] = {}
    for name, value in headers:
        size += len(name) + len(value)
        if name in ONCE:
            if name in once:
                return _bad(f"A request has one {name.decode().title()} at most.")
            once[name] = value
        elif name == b"content-encoding" and value.lower() != b"identity":
            return Problem("unsupported-encoding", headers={"Connection": "close"})
    if size > limits.headers or len(headers) > limits.header_count:
        return Problem("headers-too-large", headers={"Connection": "close"})
    return _misdirected(once.get(b"host"), scope["http_version"]) or _unreadable(
        once.get(b"transfer-encoding"), scope["http_version"]
    )


def _misdirected(host: bytes | None, version: str) -> Problem | None:
    """RFC 9112, 3.2. HTTP/1.0 had no Host."""
    if host is None:
        return None if version == "1.0" else _bad("A request names one Host.")
    return None if is_host(host) else _bad("A Host is a name or an address, and perhaps a port.")


def _unreadable(coding: bytes | None, version: str) -> Problem | None:
    """The parser takes chunks under any other coding, which nobody decodes, and in HTTP/1.0, which has none."""
    if coding is None or (coding.strip().lower() == b"chunked" and version != "1.0"):
        return None
    return _bad("Send the body as it is, or in chunks.")


def _bad(detail: str) -> Problem:
    return Problem("bad-request", detail, headers={"Connection": "close"})
