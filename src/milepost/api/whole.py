"""One job as a single read shows it: its record, its history, its files, and the ETag of all that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from milepost.api.auth import Caller
from milepost.api.etags import etag
from milepost.api.problems import not_found
from milepost.db.wholes import Whole, find_whole
from milepost.domain.estimate import answered
from milepost.domain.job import Job
from milepost.engine.artifacts import Artifact
from milepost.engine.kind import Kind


@dataclass(frozen=True, slots=True)
class Found:
    """`content` is the answer; `tag` changes with whatever of it may change."""

    kind: Kind
    job: Job
    content: dict[str, Any]
    tag: str


async def find(caller: Caller, kinds: Sequence[Kind], job_id: UUID) -> Found:
    """Raises not-found, also for what is another's."""
    for kind in kinds:
        whole = await find_whole(caller.database.connections, kind.table, job_id)
        if whole is not None:
            caller.must_see(whole.job)
            return found(kind, whole)
    raise not_found()


def found(kind: Kind, whole: Whole) -> Found:
    artifacts = [Artifact(row) for row in whole.artifacts]
    content = shown(kind, whole.job, _output_file(artifacts))
    tag = etag(content, ((artifact.id, artifact.status) for artifact in artifacts))
    # after the tag: it changes with every heartbeat, and nobody is to be woken by that
    content |= answered(whole.left)
    content["status_transitions"] = whole.transitions
    content["artifacts"] = [artifact.answer() for artifact in artifacts]
    return Found(kind, whole.job, content, tag)


def shown(kind: Kind, job: Job, output_file: UUID | None = None) -> dict[str, Any]:
    """The record alone. `output_file`: the artifact that holds an answer too long for its row."""
    content = kind.answer(job)
    if "output" in content:
        content["output_artifact_id"] = output_file
    return content


def _output_file(artifacts: Sequence[Artifact]) -> UUID | None:
    for artifact in reversed(artifacts):
        tags: dict[str, str] = artifact.answer()["tags"] or {}
        if tags.get("milepost.role") == "output" and artifact.status != "DELETED":
            return artifact.id
    return None
