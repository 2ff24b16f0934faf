"""Which paths a route is for: one with a part that names nothing is no path of ours, whatever is asked of it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.routing import BaseRoute, Route

from milepost.api.problems import SLUGS
from milepost.kinds.requests import CANONICAL

PARTS: Mapping[str, str] = {
    "job_id": CANONICAL.pattern,
    "artifact_id": CANONICAL.pattern,
    "image_id": CANONICAL.pattern,
    "slug": "|".join(map(re.escape, SLUGS)),
    "name": r"[0-9a-f]{64}\.png",
}


def narrow(route: BaseRoute) -> None:
    """Else a route takes any text for an id, and says that it could be read where nothing is."""
    if isinstance(route, Route):
        # a pattern's `$` also stands before a last line feed
        pattern = route.path_regex.pattern.removesuffix("$") + r"\Z"
        for name, part in PARTS.items():
            pattern = pattern.replace(f"(?P<{name}>[^/]+)", f"(?P<{name}>{part})")
        route.path_regex = re.compile(pattern)
