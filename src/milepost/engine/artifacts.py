"""The life of an artifact: announced, complete, archived, deleted. A file itself is the store's business."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from milepost.db import artifact_rows
from milepost.db.artifact_rows import NewArtifact
from milepost.db.tenants import TenantDatabase
from milepost.domain.errors import IllegalTransition, JobNotFound
from milepost.engine.kind import Kind

TRIES = 5
LIVE = frozenset({"ACTIVE", "ARCHIVED"})


class ArtifactNotFound(JobNotFound):
    """No such artifact, or not the caller's."""

    message = "There is no artifact {artifact_id}."


class Artifact:
    """One row of `artifacts`."""

    __slots__ = ("row",)

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.row = row

    @property
    def id(self) -> UUID:
        return self.row["id"]

    @property
    def kind(self) -> str:
        return self.row["job_kind"]

    @property
    def job_id(self) -> UUID:
        return self.row["job_id"]

    @property
    def status(self) -> str:
        return self.row["status"]

    @property
    def file_path(self) -> str:
        return self.row["file_path"]

    def answer(self) -> dict[str, Any]:
        """As anybody may see it who may see its job."""
        row = self.row
        shown = {
            name: row[name]
            for name in ("id", "file_name", "file_path", "file_size", "mime_type", "checksum", "type", "status",
                         "created_at", "expires_at", "archived_at")
        }  # fmt: skip
        tags = json.loads(row["tags"]) if isinstance(row["tags"], str) else row["tags"]
        return {f"{self.kind}_id": self.job_id, **shown, "tags": tags}


async def register(database: TenantDatabase, kind: Kind, new: NewArtifact, *, actor: str) -> Artifact:
    """A file that is there already (ACTIVE) or an upload to come (UPLOADING). Raises JobNotFound."""
    row = await artifact_rows.insert(database, kind.table, new, actor)
    if row is None:
        raise JobNotFound(job_id=new.job_id)
    return Artifact(row)


async def find_artifact(database: TenantDatabase, artifact_id: UUID) -> Artifact:
    """Raises ArtifactNotFound."""
    row = await artifact_rows.one(database, artifact_id)
    if row is None:
        raise ArtifactNotFound(artifact_id=artifact_id)
    return Artifact(row)


async def artifacts_of(database: TenantDatabase, kind: Kind, job_id: UUID) -> list[Artifact]:
    return [Artifact(row) for row in await artifact_rows.of_job(database, kind.name, job_id)]


async def complete(
    database: TenantDatabase, kind: Kind, artifact: Artifact, *, file_path: str, checksum: str, actor: str
) -> Artifact | None:
    """UPLOADING to ACTIVE with the file that was uploaded. None: another upload won, or it was deleted meanwhile."""
    row = await artifact_rows.move(
        database, kind.table, artifact.id, "UPLOADING", "ACTIVE", actor=actor, file_path=file_path, checksum=checksum
    )
    return None if row is None else Artifact(row)


async def reject(database: TenantDatabase, kind: Kind, artifact: Artifact, *, actor: str) -> None:
    """UPLOADING to DELETED: what was uploaded is not what was announced."""
    await artifact_rows.move(database, kind.table, artifact.id, "UPLOADING", "DELETED", actor=actor)


async def archive(database: TenantDatabase, kind: Kind, artifact: Artifact, *, actor: str) -> Artifact:
    """Idempotent. Raises IllegalTransition for one that is not complete or deleted."""
    for _ in range(TRIES):
        if artifact.status == "ARCHIVED":
            return artifact
        if artifact.status != "ACTIVE":
            raise IllegalTransition(kind="artifact", status=artifact.status, wanted="ARCHIVED")
        row = await artifact_rows.move(database, kind.table, artifact.id, "ACTIVE", "ARCHIVED", actor=actor)
        artifact = await find_artifact(database, artifact.id) if row is None else Artifact(row)
    return artifact


async def delete(database: TenantDatabase, kind: Kind, artifact: Artifact, *, actor: str) -> Artifact:
    """From whatever status it is in; idempotent. The file is removed by the caller, after this committed."""
    while artifact.status != "DELETED":
        row = await artifact_rows.move(database, kind.table, artifact.id, artifact.status, "DELETED", actor=actor)
        # every other change leads closer to DELETED, so this ends
        artifact = await find_artifact(database, artifact.id) if row is None else Artifact(row)
    return artifact
