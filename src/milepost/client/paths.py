"""The addresses of kinds and jobs: what is no id or kind would be another address, so it never gets into one."""

from __future__ import annotations

import re
from uuid import UUID

from milepost.domain.errors import JobNotFound

KIND = re.compile(r"[a-z][a-z0-9_-]*")


def of_kind(path: str) -> str:
    """Raises UnknownKind for what can be no kind's name; whether there is such a kind, the API knows."""
    if not KIND.fullmatch(path):
        from milepost.kinds import all_kinds, unknown_kind  # noqa: PLC0415 - costs more than the rest of the client

        raise unknown_kind(path, [kind.path for kind in all_kinds()])
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
