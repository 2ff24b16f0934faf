"""Parts of a file over HTTP."""

from __future__ import annotations

import re

from fastapi import Request

from milepost.api.problems import Problem

RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def etags(header: str | None) -> set[str]:
    return {part.strip().removeprefix("W/") for part in (header or "").split(",")}


def part(request: Request, etag: str, size: int) -> tuple[int, int] | None:
    """Start and end of the one part asked for; None for the whole. What is no range of bytes is ignored, as HTTP says."""
    found = RANGE.fullmatch(request.headers.get("range", "").strip())
    if found is None or found[0] == "bytes=-" or request.headers.get("if-range", etag) != etag:
        return None
    if not found[1]:
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(size, int(found[2]) + 1 if found[2] else size)
        if found[2] and int(found[2]) < start:
            return None
    if start >= end:
        raise Problem("range-not-satisfiable", headers={"Content-Range": f"bytes */{size}"})
    return start, end
