"""ETags of jobs: the version, and a digest of whatever else an answer shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson

from milepost.api.answers import OPTIONS, plain

# sorted: a value that went through JSONB comes back with its keys in another order
CANONICAL = OPTIONS | orjson.OPT_SORT_KEYS


def etag(answer: Mapping[str, Any], files: Iterable[tuple[UUID, str]] = ()) -> str:
    """`answer` is the job without history and files. Never the lease, which is not in it, nor `updated_at`.

    `files`: ids and statuses of its artifacts.
    """
    shown = dict(answer)
    shown.pop("updated_at", None)
    digest = blake2b(orjson.dumps([shown, list(files)], default=plain, option=CANONICAL), digest_size=6).hexdigest()
    return f'"{answer["version"]}.{digest}"'
