"""The addresses of kinds and jobs: what is no id or kind would be another address, so it never gets into one."""

from __future__ import annotations

import re
from uuid import UUID

from milepost.domain.errors import JobNotFound, UnknownKind

KIND = re.compile(r"[a-z][a-z0-9_-]*")


def of_kind(path: str) -> str:
    """Raises UnknownKind."""
    if not KIND.fullmatch(path):
        raise UnknownKind(kind=path)
    return f"/v1/{path}"


def of_job(job_id: UUID | str, path: str = "jobs") -> str:
    """Raises JobNotFound for what is no id, as the API answers it."""
    if (found := read_id(job_id)) is None:
        raise JobNotFound(job_id=job_id)
    return f"{of_kind(path)}/{found}"


def read_id(value: UUID | str) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
