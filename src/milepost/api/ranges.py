"""Parts of a file over HTTP."""

from __future__ import annotations

import re

from fastapi import Request

from milepost.api.problems import Problem

PART = re.compile(r"([0-9]*)-([0-9]*)")
# more than any file has, in as many digits as anybody cares to write
DIGITS = 20


def part(request: Request, etag: str, size: int) -> tuple[int, int] | None:
    """Start and end of the one part asked for; None for the whole. Raises range-not-satisfiable.

    What is no range of bytes is ignored, and so are several of them (RFC 9110, 14.2).
    """
    wanted = _one(request.headers.getlist("range"))
    if wanted is None or request.headers.get("if-range", etag).strip() != etag:
        return None
    first, last = (None if text == "" else _number(text) for text in wanted)
    if first is None:
        start, end = max(0, size - (last or 0)), size
    elif last is not None and last < first:
        return None
    else:
        start, end = first, size if last is None else min(size, last + 1)
    if start < end:
        return start, end
    if first is None and last:
        return None  # the end of nothing is all of it
    raise Problem("range-not-satisfiable", headers={"Content-Range": f"bytes */{size}"})


def _one(headers: list[str]) -> tuple[str, str] | None:
    unit, _, parts = headers[0].partition("=") if len(headers) == 1 else ("", "", "")
    named = [found for found in (text.strip(" \t") for text in parts.split(",")) if found]
    found = PART.fullmatch(named[0]) if len(named) == 1 and unit.strip().lower() == "bytes" else None
    return None if found is None or found[0] == "-" else (found[1], found[2])


def _number(digits: str) -> int:
    return int(digits.lstrip("0")[:DIGITS] or "0")
