"""ETags of jobs: the version, and a digest of whatever else an answer shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson

from milepost.api.answers import OPTIONS, plain
from milepost.api.problems import Problem

# sorted: a value that went through JSONB comes back with its keys in another order
CANONICAL = OPTIONS | orjson.OPT_SORT_KEYS
IF_MATCH = re.compile(r'(?:W/)?"([1-9][0-9]{0,9})(?:\.[0-9a-z-]*)?"')
TAG = re.compile(r'(?:W/)?("[^"]*")')


def etag(answer: Mapping[str, Any], files: Iterable[tuple[UUID, str]] = ()) -> str:
    """`answer` is the job without history and files. Never the lease, which is not in it, nor `updated_at`.

    `files`: ids and statuses of its artifacts.
    """
    shown = dict(answer)
    shown.pop("updated_at", None)
    digest = blake2b(orjson.dumps([shown, list(files)], default=plain, option=CANONICAL), digest_size=6).hexdigest()
    return f'"{answer["version"]}.{digest}"'


def is_known(header: str | None, tag: str) -> bool:
    """Whether If-None-Match names the tag."""
    if header is None:
        return False
    return header.strip() == "*" or tag in TAG.findall(header)


def expected_version(header: str | None) -> int | None:
    """The version that If-Match names: `"3"` or a whole ETag. None: any. Raises Problem."""
    if header is None or header.strip() == "*":
        return None
    match = IF_MATCH.fullmatch(header.strip())
    if match is None:
        raise Problem("bad-request", 'If-Match must be one ETag of the job, or its version in quotes: "3".')
    return int(match[1])
