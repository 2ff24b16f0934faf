"""Files that pages link to. Each has its digest in its URL, so a browser may keep it for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

TYPES = {
    "htmx-2.0.11.min.js": "text/javascript; charset=utf-8",
    "idiomorph-0.8.0.min.js": "text/javascript; charset=utf-8",
    "mend.js": "text/javascript; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "dashboard.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    content: bytes
    media_type: str
    digest: str


def _load(name: str, media_type: str) -> Asset:
    content = files("milepost.dashboard").joinpath("static", name).read_bytes()
    return Asset(content, media_type, hashlib.sha256(content).hexdigest()[:12])


ASSETS = {name: _load(name, media_type) for name, media_type in TYPES.items()}


def url_of(name: str) -> str:
    return f"/static/{ASSETS[name].digest}/{name}"


def serving(asset: Asset) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        # an old page may ask for a file by its old digest: it gets the new one, and does not keep it
        known = asset.digest == request.path_params["digest"]
        headers = {"Cache-Control": FOR_EVER if known else "no-cache", "X-Content-Type-Options": "nosniff"}
        return Response(asset.content, media_type=asset.media_type, headers=headers)

    return serve


async def icon(_: Request) -> Response:
    """Browsers ask for it before they have read a page."""
    asset = ASSETS["icon.svg"]
    return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": "public, max-age=86400"})
