"""Who comes in: the session's cookie, tokens of forms, headers of every answer, errors as pages."""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from milepost.dashboard.desk import Desk
from milepost.dashboard.forms import read_form
from milepost.dashboard.pages import render
from milepost.dashboard.refusals import Refused, forged, refusal_of
from milepost.domain.errors import MilepostError
from milepost.engine.sessions import Viewer, form_token, viewer_of

logger = logging.getLogger("milepost.dashboard")

COOKIE = "milepost_session"
JOB = re.compile(r"/jobs/[0-9a-f-]{36}(?=/)", re.ASCII)
RETRY_AFTER = {429: "60", 503: "5"}
CONTENT_POLICY = (
    "default-src 'none'; object-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    # not no-referrer: with it a browser calls the origin of our own forms null
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """One request of somebody who is signed in."""

    request: Request
    desk: Desk
    viewer: Viewer
    token: str

    @property
    def form_token(self) -> str:
        return form_token(self.token)

    def page(self, template: str, status: int = 200, **context: Any) -> Response:
        shown = render(template, viewer=self.viewer, form_token=self.form_token, path=self.request.url.path, **context)
        return HTMLResponse(shown, status)


Page = Callable[[Visit], Awaitable[Response]]
Act = Callable[[Visit, Mapping[str, str]], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


class Doors:
    """Turns pages into endpoints. What is raised inside becomes a page, not the API's JSON."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def reading(self, page: Page) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            visit = await self.visit(request)
            return sign_in_first(request) if visit is None else await page(visit)

        return self.open(endpoint)

    def acting(self, act: Act) -> Endpoint:
        """Only with a token that a page of this session carried, sent from our own origin."""

        async def endpoint(request: Request) -> Response:
            visit = await self.visit(request)
            if visit is None:
                return sign_in_first(request)
            form = await read_form(request)
            same_token(form, visit.form_token)
            same_origin(request)
            request.state.words = form.get("reason", "").strip()  # what somebody wrote is not lost by a refusal
            return await act(visit, form)

        return self.open(endpoint)

    def open(self, page: Endpoint) -> Endpoint:
        """For everybody, with what every answer has."""

        async def endpoint(request: Request) -> Response:
            try:
                response = await page(request)
            except Refused as refused:
                response = await self._told(request, refused)
            except MilepostError as error:
                response = await self._told(request, refusal_of(error))
            except Exception:
                logger.exception("a page failed: %s %r", request.method, request.url.path[:200])
                response = await self._told(request, Refused(500, "That went wrong", "It is in the log. Try again."))
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return endpoint

    async def visit(self, request: Request) -> Visit | None:
        token = request.cookies.get(cookie_name(request, COOKIE), "")
        viewer = await viewer_of(self._desk.databases, token) if token else None
        if viewer is None or not await self._desk.tenant_active(viewer.database.name):
            return None
        return Visit(request, self._desk, viewer, token)

    async def _told(self, request: Request, refused: Refused) -> Response:
        # what could not be read a moment ago is not asked for once more: the page then has no name on it
        visit = None
        if refused.status < 500:
            with suppress(MilepostError):
                visit = await self.visit(request)
        viewer, token = (visit.viewer, visit.form_token) if visit else (None, "")
        job = JOB.match(request.url.path)
        shown = render(
            "refused", refused=refused, viewer=viewer, form_token=token, path="",
            kept=getattr(request.state, "words", ""), job=job[0] if job and refused.status != 404 else None,
        )  # fmt: skip
        after = RETRY_AFTER.get(refused.status)
        return HTMLResponse(shown, refused.status, {"Retry-After": after} if after else None)


def cookie_name(request: Request, name: str) -> str:
    """Over HTTPS with the prefix by which browsers take it from this very host alone."""
    return f"__Host-{name}" if request.url.scheme == "https" else name


def sign_in_first(request: Request) -> Response:
    """To the sign-in page and back."""
    from_elsewhere = request.headers.get("sec-fetch-site") == "cross-site"
    if request.method == "GET" and from_elsewhere and cookie_name(request, COOKIE) not in request.cookies:
        # a link from another site brings no strict cookie; a page of ours that loads itself again does
        return HTMLResponse('<!doctype html><meta http-equiv="refresh" content="0"><title>Milepost</title>')
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    where = "/sign-in" if back == "/" or request.method != "GET" else f"/sign-in?next={quote(back, safe='')}"
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    return Response(status_code=303, headers={"Location": where})


def same_token(form: Mapping[str, str], expected: str) -> None:
    if not hmac.compare_digest(form.get("form_token", "").encode(), expected.encode()):
        raise forged()


def same_origin(request: Request) -> None:
    """What browsers say of where a form stood. The token is the proof; this stops what leaked one, too."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is not None and _host_of(origin) != request.headers.get("host"):
        raise forged()
    if site is not None and site not in {"same-origin", "none"}:
        raise forged()


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # a bracket that nothing closes
        return ""
