"""Signing in by an API key, and out. The key is sent once, in a form; the browser keeps a session's token instead."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from milepost.dashboard.desk import Desk
from milepost.dashboard.doors import COOKIE, Visit, same_origin, same_token
from milepost.dashboard.forms import read_form
from milepost.dashboard.pages import render
from milepost.engine.api_keys import KeyHolder
from milepost.engine.sessions import CHANCE_BYTES, LIFE_SECONDS, may_sign_in, sign_in, sign_out

# of a browser that is not signed in yet: ties the form to it
BEFORE = "milepost_before"
PLACE = re.compile(r"/(jobs(/[0-9a-f-]{36})?)?(\?[^\s\\]{0,500})?", re.ASCII)


class Signing:
    """The three routes around a session."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def ask(self, request: Request) -> Response:
        return _form(request, request.query_params.get("next", ""))

    async def come_in(self, request: Request) -> Response:
        form = await read_form(request)
        same_token(form, _token(request.cookies.get(BEFORE, "")))
        same_origin(request)
        holder = await self._desk.ring.holder(form.get("key", "").strip())
        if holder is None or holder.user_status != "active":
            return _form(request, form.get("next", ""), "This key does not open anything. Is all of it there?")
        if not may_sign_in(holder):
            return _form(request, form.get("next", ""), "This key may not read jobs. It needs the scope job:read.")
        return await _welcome(request, holder, form.get("next", ""))

    async def leave(self, visit: Visit, _: Mapping[str, str]) -> Response:
        await sign_out(self._desk.databases, visit.token)
        response = Response(status_code=303, headers={"Location": "/sign-in"})
        response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=_secure(visit.request))
        return response


async def _welcome(request: Request, holder: KeyHolder, back: str) -> Response:
    token = await sign_in(holder, secrets.token_bytes(CHANCE_BYTES))
    response = Response(status_code=303, headers={"Location": _place(back)})
    response.set_cookie(COOKIE, token, max_age=LIFE_SECONDS, httponly=True, samesite="strict", secure=_secure(request))
    response.delete_cookie(BEFORE, httponly=True, samesite="strict", secure=_secure(request))
    return response


def _form(request: Request, back: str, trouble: str | None = None) -> Response:
    before = request.cookies.get(BEFORE) or secrets.token_urlsafe(CHANCE_BYTES)
    shown = render(
        "sign_in", form_token=_token(before), next=_place(back), trouble=trouble, viewer=None, path="/sign-in"
    )
    response = HTMLResponse(shown, 200 if trouble is None else 403)
    response.set_cookie(BEFORE, before, httponly=True, samesite="strict", secure=_secure(request))
    return response


def _token(before: str) -> str:
    """Empty fits nothing: a browser without the cookie is sent away."""
    return hashlib.sha256(f"milepost sign-in {before}".encode()).hexdigest() if before else secrets.token_hex()


def _place(text: str) -> str:
    """Where to go then: a page of ours, whatever was asked for."""
    return text if PLACE.fullmatch(text) else "/"


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"
