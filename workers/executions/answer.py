"""Where an answer is kept: in its column up to 256 KiB, beyond that in the store with the beginning in the column."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from milepost.domain.job import Job
from milepost.domain.transition import Effect, EffectStatement
from milepost.storage import Store, Stored
from milepost.storage.paths import execution_artifact

COLUMN_BYTES = 256 * 1024
MOST_BYTES = 16 * 1024 * 1024
SHOWN = 1000
FILE_NAME, MIME = "output.txt", "text/plain; charset=utf-8"

# after its transition in the same transaction, so the job's actor is who made the artifact
ARTIFACT = EffectStatement(
    name="artifact",
    sql="""
WITH made AS (
    INSERT INTO artifacts (job_kind, job_id, id, file_name, file_path, file_size, mime_type, checksum, type, tags)
    SELECT 'execution', n.* FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[],
        $7::text[], $8::text[], $9::jsonb[]) AS n
    RETURNING id, job_kind, job_id, status)
INSERT INTO audit_logs (user_id, action, resource_type, resource_id, details, actor)
SELECT coalesce(job.user_id::text, 'system'), 'artifact.' || lower(made.status), 'artifact', made.id::text,
    jsonb_build_object('job_kind', made.job_kind, 'job_id', made.job_id), job.status_actor
FROM made JOIN executions AS job ON job.id = made.job_id""",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """The output column, and the artifact's row where there is one."""

    output: str
    effects: tuple[Effect, ...] = ()


async def keep(store: Store, tenant: str, job: Job, text: str) -> Kept:
    """Raises StoreRefused when a long answer cannot be stored."""
    data = text.encode()
    if len(data) <= COLUMN_BYTES:
        return Kept(text)
    artifact_id = uuid5(job.id, f"output/{job.version}")
    stored = await store.put(execution_artifact(tenant, job.id, artifact_id), data)
    return Kept(_preview(text, stored), (_artifact(artifact_id, stored),))


def _preview(text: str, stored: Stored) -> str:
    return f"{text[:SHOWN]}\n[… {stored.size} bytes in {stored.path}, SHA-256 {stored.sha256}]"


def _artifact(artifact_id: UUID, stored: Stored) -> Effect:
    tags: Mapping[str, Any] = {"milepost.role": "output"}
    values = (artifact_id, FILE_NAME, stored.path, stored.size, MIME, stored.sha256, "DOCUMENT", json.dumps(tags))
    return Effect(ARTIFACT, values)
