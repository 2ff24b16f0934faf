"""The request that registers a file of an execution."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from milepost.kinds.requests import CanonicalId, PlainText, Strict

LARGEST = 5 * 1024**3
WORD = r"[A-Za-z0-9!#$&^_.+-]+"
OURS = "milepost."


def label(value: str) -> str:
    """A name to show, never a path: nothing in it may be taken for one."""
    if value in {".", ".."} or any(c in "/\\" or unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} for c in value):
        raise PydanticCustomError("invalid_name", "must not be '.' or '..' or hold a separator or control character")
    return value


def few_tags(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > 50:
        raise PydanticCustomError("too_many_items", "may hold at most 50 tags")
    for name in tags:
        if name.lower().startswith(OURS):
            raise PydanticCustomError("invalid_name", "must not have names beginning with 'milepost.'")
    return tags


def media_type(value: str) -> str:
    if not re.fullmatch(f"{WORD}/{WORD}", value):
        raise PydanticCustomError("value_error", "must be a media type like text/plain")
    return value


def lower_hex(value: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", value):
        raise PydanticCustomError("value_error", "must be the SHA-256 in 64 hex digits")
    return value.lower()


TagName = Annotated[PlainText, Field(min_length=1, max_length=64)]
TagValue = Annotated[PlainText, Field(max_length=256)]


class CreateArtifact(Strict):
    """A stored file (`file_path`), or the announcement of an upload."""

    execution_id: CanonicalId | None = None
    file_name: Annotated[PlainText, AfterValidator(label)] = Field(min_length=1, max_length=255)
    file_path: PlainText | None = Field(default=None, min_length=1, max_length=1024)
    file_size: int = Field(ge=0, le=LARGEST)
    mime_type: Annotated[str, AfterValidator(media_type)] | None = Field(default=None, max_length=100)
    checksum: Annotated[str, AfterValidator(lower_hex)] | None = None
    type: Literal["CODE", "DOCUMENT", "IMAGE", "DATA", "LOG", "OTHER"] = "OTHER"
    tags: Annotated[dict[TagName, TagValue], AfterValidator(few_tags)] | None = None
    retention_days: int | None = Field(default=None, ge=1, le=3650)
