"""What a caller without a scope to read is told of what it may change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from milepost.api.answers import JSON
from milepost.api.auth import Caller
from milepost.api.etags import etag
from milepost.api.whole import Found

FIELDS = ("id", "kind", "status", "version")


def told(caller: Caller, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer; for who may not read, only what names the thing and says where it is."""
    return answer if caller.reads else {name: answer[name] for name in FIELDS if name in answer}


def told_whole(caller: Caller, found: Found, status: int = 200) -> JSON:
    """A job after a change. The tag is one of what is told: a digest of the rest would confirm a guess at it."""
    content = told(caller, found.content)
    return JSON(content, status, {"ETag": found.tag if caller.reads else etag(content)})
