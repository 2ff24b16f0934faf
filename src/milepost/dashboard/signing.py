"""Signing in by an API key, and out. The key is sent once, in a form; the browser keeps a session's token instead."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from milepost.dashboard.desk import Desk
from milepost.dashboard.doors import COOKIE, Visit, cookie_name, same_origin, same_token
from milepost.dashboard.forms import read_form
from milepost.dashboard.pages import render
from milepost.engine.api_keys import KeyHolder
from milepost.engine.rates import place_of
from milepost.engine.sessions import CHANCE_BYTES, LIFE_SECONDS, may_sign_in, sign_in, sign_out

logger = logging.getLogger("milepost.dashboard")

# of a browser that is not signed in yet: ties the form to it
BEFORE = "milepost_before"
# the token that we gave it: nothing else goes back into a header
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
# with no more than a header may hold as it is: browsers write everything else with percent signs
PLACE = re.compile(r"/(jobs(/[0-9a-f-]{36})?)?(\?[!-\[\]-~]{0,500})?", re.ASCII)


class Signing:
    """The three routes around a session."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def ask(self, request: Request) -> Response:
        return _form(request, request.query_params.get("next", ""))

    async def come_in(self, request: Request) -> Response:
        form = await read_form(request)
        same_token(form, _token(request.cookies.get(cookie_name(request, BEFORE), "")))
        same_origin(request)
        place = place_of(request.scope["client"])
        self._desk.refusals.check(place)
        holder = await self._desk.ring.holder(form.get("key", "").strip())
        if holder is None or holder.user_status != "active" or not holder.tenant_active:
            self._desk.refusals.note(place)
            logger.info("a sign-in from %s was refused", place)
            return _form(request, form.get("next", ""), "This key does not open anything. Is all of it there?")
        if not may_sign_in(holder):
            return _form(request, form.get("next", ""), "This key may not read jobs. It needs the scope job:read.")
        if before := request.cookies.get(cookie_name(request, COOKIE)):
            await sign_out(self._desk.databases, before)  # one browser, one session
        return await _welcome(request, holder, form.get("next", ""))

    async def leave(self, visit: Visit, _: Mapping[str, str]) -> Response:
        await sign_out(self._desk.databases, visit.token)
        response = Response(status_code=303, headers={"Location": "/sign-in"})
        _drop(response, visit.request, COOKIE)
        # pages that the browser keeps to go back to are not for whoever comes next
        response.headers["Clear-Site-Data"] = '"cache"'
        return response


async def _welcome(request: Request, holder: KeyHolder, back: str) -> Response:
    token = await sign_in(holder, secrets.token_bytes(CHANCE_BYTES))
    response = Response(status_code=303, headers={"Location": _place(back)})
    _keep(response, request, COOKIE, token, LIFE_SECONDS)
    _drop(response, request, BEFORE)
    return response


def _form(request: Request, back: str, trouble: str | None = None) -> Response:
    before = request.cookies.get(cookie_name(request, BEFORE), "")
    if not TOKEN.fullmatch(before):
        before = secrets.token_urlsafe(CHANCE_BYTES)
    shown = render(
        "sign_in", form_token=_token(before), next=_place(back), trouble=trouble, viewer=None, path="/sign-in"
    )
    response = HTMLResponse(shown, 200 if trouble is None else 403)
    _keep(response, request, BEFORE, before)
    return response


def _keep(response: Response, request: Request, name: str, value: str, seconds: int | None = None) -> None:
    response.set_cookie(
        cookie_name(request, name), value, max_age=seconds, httponly=True, samesite="strict", secure=_secure(request)
    )


def _drop(response: Response, request: Request, name: str) -> None:
    response.delete_cookie(cookie_name(request, name), httponly=True, samesite="strict", secure=_secure(request))


def _token(before: str) -> str:
    """Empty fits nothing: a browser without the cookie is sent away."""
    return hashlib.sha256(f"milepost sign-in {before}".encode()).hexdigest() if before else secrets.token_hex()


def _place(text: str) -> str:
    """Where to go then: a page of ours, whatever was asked for."""
    return text if PLACE.fullmatch(text) else "/"


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"
