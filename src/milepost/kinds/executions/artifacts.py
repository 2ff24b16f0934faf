"""The request that registers a file of an execution."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from milepost.kinds.requests import CanonicalId, PlainText, Strict
from milepost.kinds.told import Told, whole

LARGEST = 5 * 1024**3
WORD = r"[A-Za-z0-9!#$&^_.+-]+"
MEDIA_TYPE = re.compile(f"{WORD}/{WORD}")
SHA256 = re.compile("[0-9a-fA-F]{64}")
# control and format characters and separators of lines (categories Cc, Cf, Zl, Zp), and what separates folders
NO_LABEL = (
    r"/\\\u0000-\u001f\u007f-\u009f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
LABEL = re.compile(rf"(?!\.{{1,2}}$)[^{NO_LABEL}]+")
OURS = "milepost."
MOST_TAGS = 50
# no name of ours, in whatever case, and no NUL
TAG = r"^(?![Mm][Ii][Ll][Ee][Pp][Oo][Ss][Tt]\.)[^\u0000]+$"


def label(value: str) -> str:
    """A name to show, never a path: nothing in it may be taken for one."""
    if LABEL.fullmatch(value) is None:
        raise PydanticCustomError("invalid_name", "must not be '.' or '..' or hold a separator or control character")
    return value


def few_tags(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > MOST_TAGS:
        raise PydanticCustomError("too_many_items", "may hold at most 50 tags")
    for name in tags:
        if name.lower().startswith(OURS):
            raise PydanticCustomError("invalid_name", "must not have names beginning with 'milepost.'")
    return tags


def sendable(value: str | None) -> str:
    """Whoever wrote the row: what no header may hold would be no answer at all."""
    return value if value is not None and MEDIA_TYPE.fullmatch(value) else "application/octet-stream"


def media_type(value: str) -> str:
    if MEDIA_TYPE.fullmatch(value) is None:
        raise PydanticCustomError("value_error", "must be a media type like text/plain")
    return value


def lower_hex(value: str) -> str:
    if SHA256.fullmatch(value) is None:
        raise PydanticCustomError("value_error", "must be the SHA-256 in 64 hex digits")
    return value.lower()


TagName = Annotated[PlainText, Field(min_length=1, max_length=64), Told(pattern=TAG)]
TagValue = Annotated[PlainText, Field(max_length=256)]


class CreateArtifact(Strict):
    """A stored file (`file_path`), or the announcement of an upload."""

    execution_id: CanonicalId | None = Field(default=None, description="That of the path, if it is said again.")
    file_name: Annotated[PlainText, AfterValidator(label), Told(pattern=whole(LABEL.pattern))] = Field(
        min_length=1,
        max_length=255,
        description="A label, never a path: without separators, control and format characters.",
        examples=["report.txt"],
    )
    file_path: PlainText | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        description="Where a stored file lies, in the execution's own folder. Without it the file is announced: its bytes"
        " are sent to `upload_url`.",
    )
    file_size: int = Field(
        ge=0, le=LARGEST, description="In bytes; what is stored or sent must have as many.", examples=[3]
    )
    mime_type: Annotated[str, AfterValidator(media_type), Told(pattern=whole(MEDIA_TYPE.pattern))] | None = Field(
        default=None, max_length=100, description="How it is given back: `type/subtype`.", examples=["text/plain"]
    )
    checksum: Annotated[str, AfterValidator(lower_hex), Told(pattern=whole(SHA256.pattern))] | None = Field(
        default=None, description="The SHA-256 in hex; what is stored or sent must have it."
    )
    type: Literal["CODE", "DOCUMENT", "IMAGE", "DATA", "LOG", "OTHER"] = Field(
        default="OTHER", description="What it is, for people and filters."
    )
    tags: (
        Annotated[
            dict[TagName, TagValue], AfterValidator(few_tags), Told(maxProperties=MOST_TAGS, additionalProperties=False)
        ]
        | None
    ) = Field(
        default=None, description="Texts by name, at most 50. Names that begin with `milepost.` are the server's own."
    )
    retention_days: int | None = Field(
        default=None, ge=1, le=3650, description="Deleted so many days later; without it, with the execution."
    )
