"""Where files lie: `storage/{tenant}/executions/{execution}/{artifact}/{random}` and its like. Pure string work.

A path, as it stands in `file_path`, begins with `storage/`; the store's key is what follows.
"""

from __future__ import annotations

import re
import secrets
from uuid import UUID

from milepost.storage.errors import InvalidPath

ROOT = "storage/"
LONGEST = 1024

_TENANT = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,62}")
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*|\.work-[0-9]+")


def tenant_folder(tenant_id: str) -> str:
    """With its closing slash, so that one tenant's folder is never a prefix of another's."""
    if not _TENANT.fullmatch(tenant_id):
        raise InvalidPath(path=tenant_id, problem="not a tenant's id")
    return f"{ROOT}{tenant_id}/"


def execution_folder(tenant_id: str, execution_id: UUID) -> str:
    return f"{tenant_folder(tenant_id)}executions/{execution_id}/"


def execution_artifact(tenant_id: str, execution_id: UUID, artifact_id: UUID) -> str:
    """A fresh path at every call: a second upload of the same artifact never touches the first one's file."""
    return f"{execution_folder(tenant_id, execution_id)}{artifact_id}/{secrets.token_hex(16)}"


def image_folder(tenant_id: str) -> str:
    return f"{tenant_folder(tenant_id)}images/"


def image_file(tenant_id: str, sha256: str) -> str:
    """By its content: two tasks with the same picture share the file."""
    return f"{image_folder(tenant_id)}{sha256[:2]}/{sha256}.png"


def image_source(tenant_id: str, user_id: UUID, source_id: UUID) -> str:
    """In a folder of its owner's: nobody else can name it."""
    return f"{image_folder(tenant_id)}sources/{user_id}/{source_id}"


def checked(path: str, *, below: str = ROOT) -> str:
    """`path` itself if it is normalised and lies below the folder `below`; raises `InvalidPath` otherwise.

    Nothing is decoded or resolved: a path that would need it is refused.
    """
    if len(path) > LONGEST:
        raise InvalidPath(path=path[:80] + "…", problem=f"longer than {LONGEST} characters")
    if not path.startswith(below) or path == below:
        raise InvalidPath(path=_shown(path), problem=f"not below {below}")
    for segment in path.split("/"):
        if not _SEGMENT.fullmatch(segment):
            raise InvalidPath(path=_shown(path), problem=f"{_shown(segment)!r} is not a plain name")
    return path


def key_of(path: str) -> str:
    return checked(path).removeprefix(ROOT)


def path_of(key: str) -> str:
    return ROOT + key


def _shown(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")[:200]
