"""Clean-up removes exactly what is due, files before rows."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from milepost.db.tenants import TenantDatabase
from milepost.domain.job import Job
from milepost.engine import prune
from milepost.kinds.executions import KIND
from milepost.storage import Store, local_store
from milepost.storage.paths import execution_artifact, key_of
from tests.engine import lives

DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return local_store(tmp_path / "files")


class Broken:
    """A store that refuses to remove anything."""

    async def delete(self, path: str) -> None:
        raise OSError("the store is away")

    async def list(self, prefix: str, *, older_than: datetime | None = None) -> AsyncGenerator[Any]:
        raise OSError("the store is away")
        yield

    async def discard(self, found: Any) -> None:
        raise OSError("the store is away")


async def artifact(owner: Any, store: Store, job: Job, status: str = "ACTIVE", **columns: Any) -> tuple[UUID, str]:
    number = uuid4()
    path = columns.pop("file_path", None) or execution_artifact("default", job.id, number)
    stored = await store.put(path, b"kept") if status != "UPLOADING" else None
    given = {
        "id": number, "job_kind": "execution", "job_id": job.id, "file_name": "a.txt", "file_path": path,
        "file_size": 4, "checksum": stored.sha256 if stored else None, "status": status, **columns,
    }  # fmt: skip
    places = ", ".join(f"${place}" for place in range(1, len(given) + 1))
    await owner.execute(f"INSERT INTO artifacts ({', '.join(given)}) VALUES ({places})", *given.values())
    return number, path


async def there(store: Store, path: str) -> bool:
    return path in [found.path async for found in store.list()]


async def ids(owner: Any) -> set[UUID]:
    return {row[0] for row in await owner.fetch("SELECT id FROM executions")}


async def run(maintenance: TenantDatabase, store: Any, limit: int = 200) -> int:
    return await prune.prune_jobs(maintenance, KIND, store, actor=lives.ACTOR, limit=limit)


async def test_exactly_what_is_past_its_keeping_goes(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any, store: Store
) -> None:
    def ago(days: int) -> str:
        return f"finished_at = now() - interval '{days} days'"

    aged = {
        "old": ago(31),
        "young": ago(29),
        "asked to stay longer": ago(31) + ", retain_until = now() + interval '1 hour'",
        "asked to go sooner": ago(1) + ", retain_until = now()",
        "permanent": ago(400) + ", is_permanent = true",
        "permanent with a date": ago(400) + ", is_permanent = true, retain_until = now()",
    }
    jobs = {name: await lives.finished(database) for name in aged}
    for name, changes in aged.items():
        await lives.alter(owner, jobs[name], changes)
    waiting = await lives.waiting(database, columns={**(await _columns()), "retain_until": datetime.now(UTC) - DAY})

    assert await run(maintenance, store) == 2

    kept = {jobs[name].id for name in aged if name not in {"old", "asked to go sooner"}}
    assert await ids(owner) == kept | {waiting.id}


async def _columns() -> dict[str, Any]:
    return {"prompt": "x", "model": "m", "max_tokens": 1, "job_name": "exec-x"}


async def test_a_job_goes_with_its_history_and_files_and_leaves_its_audit_rows(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any, store: Store
) -> None:
    job = await lives.finished(database)
    _, path = await artifact(owner, store, job)
    await lives.alter(owner, job, "retain_until = now()")

    assert await run(maintenance, store) == 1

    assert not await there(store, path)
    for table in ("status_transitions", "artifacts"):
        assert await owner.fetchval(f"SELECT count(*) FROM {table} WHERE job_id = $1", job.id) == 0
    rows = await owner.fetch("SELECT action, actor FROM audit_logs WHERE resource_id = $1 ORDER BY id", str(job.id))
    assert tuple(rows[-1]) == ("execution.deleted", lives.ACTOR)
    assert len(rows) == 4


async def test_a_job_whose_file_cannot_be_removed_stays_for_the_next_round(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any, store: Store
) -> None:
    held, free = await lives.finished(database), await lives.finished(database)
    _, path = await artifact(owner, store, held)
    await owner.execute("UPDATE executions SET retain_until = now()")

    assert await run(maintenance, Broken()) == 1
    assert await ids(owner) == {held.id}
    assert free.id not in await ids(owner)

    assert await run(maintenance, store) == 1
    assert not await there(store, path)


async def test_jobs_that_cannot_go_do_not_keep_others_from_going(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any, store: Store
) -> None:
    for _ in range(3):
        await artifact(owner, store, await lives.finished(database))
    for _ in range(4):
        await lives.finished(database)
    await owner.execute("UPDATE executions SET retain_until = now()")

    assert await run(maintenance, Broken(), limit=2) == 4


async def test_only_jobs_that_stayed_count_as_left_behind(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any, store: Store
) -> None:
    for minute in range(12):
        job = await lives.finished(database)
        await lives.alter(owner, job, f"retain_until = now() - interval '1 day' + interval '{minute} minutes'")
        if minute % 4 == 0:
            await artifact(owner, store, job)

    pruned = await prune.prune_jobs(maintenance, KIND, Broken(), actor=lives.ACTOR, limit=4, most_left=5)

    assert (pruned, len(await ids(owner))) == (9, 3)


async def test_expired_artifacts_end_and_keep_their_row(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any, store: Store
) -> None:
    job, permanent = await lives.finished(database), await lives.finished(database)
    await lives.alter(owner, permanent, "is_permanent = true")
    past, future = datetime.now(UTC) - DAY, datetime.now(UTC) + DAY
    gone, gone_path = await artifact(owner, store, job, expires_at=past)
    archived, _ = await artifact(owner, store, job, status="ARCHIVED", expires_at=past)
    kept, kept_path = await artifact(owner, store, job, expires_at=future)
    _, permanent_path = await artifact(owner, store, permanent, expires_at=past)

    assert await prune.prune_artifacts(maintenance, KIND, store, actor=lives.ACTOR) == 2

    ended = {row[0] for row in await owner.fetch("SELECT id FROM artifacts WHERE status = 'DELETED'")}
    assert ended == {gone, archived}
    assert not await there(store, gone_path)
    assert [await there(store, path) for path in (kept_path, permanent_path)] == [True, True]
    told = await owner.fetch("SELECT resource_id, actor FROM audit_logs WHERE action = 'artifact.deleted'")
    assert {tuple(row) for row in told} == {(str(gone), lives.ACTOR), (str(archived), lives.ACTOR)}
    assert kept not in ended


async def test_an_upload_that_was_not_finished_in_a_day_ends(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any, store: Store
) -> None:
    job = await lives.running(database)
    old, _ = await artifact(owner, store, job, status="UPLOADING", created_at=datetime.now(UTC) - DAY)
    await artifact(owner, store, job, status="UPLOADING")

    assert await prune.prune_artifacts(maintenance, KIND, store, actor=lives.ACTOR) == 1
    assert await owner.fetchval("SELECT status FROM artifacts WHERE id = $1", old) == "DELETED"


async def test_a_file_that_another_artifact_points_at_stays(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any, store: Store
) -> None:
    job = await lives.finished(database)
    _, path = await artifact(owner, store, job, expires_at=datetime.now(UTC) - DAY)
    await owner.execute(
        "INSERT INTO artifacts (job_kind, job_id, file_name, file_path, file_size, checksum)"
        " VALUES ('execution', $1, 'b.txt', $2, 4, repeat('0', 64))", job.id, path,
    )  # fmt: skip

    assert await prune.prune_artifacts(maintenance, KIND, store, actor=lives.ACTOR) == 1
    assert await there(store, path)


async def test_files_that_no_row_points_at_are_swept_after_a_day(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any, store: Store, tmp_path: Path
) -> None:
    job = await lives.finished(database)
    _, kept = await artifact(owner, store, job)
    stray = [execution_artifact("default", number, uuid4()) for number in (job.id, uuid4())]
    fresh = execution_artifact("default", job.id, uuid4())
    neighbour = "storage/default2/executions/x"
    for path in (*stray, fresh, neighbour):
        await store.put(path, b"lost")
    before = time.time() - 90_000
    for path in (*stray, kept, neighbour):
        os.utime(tmp_path / "files" / key_of(path), (before, before))

    assert await prune.sweep_files(maintenance, KIND, store, limit=1) == 2

    left = {found.path async for found in store.list()}
    assert left == {kept, fresh, neighbour}


async def test_sign_ins_and_callbacks_go_when_their_time_is_over(maintenance: TenantDatabase, owner: Any) -> None:
    user = await lives.new_user(owner)
    await owner.execute(
        "INSERT INTO sessions (session_token, user_id, expires)"
        " SELECT 'old' || n, $1::uuid, now() FROM generate_series(1, 5) n UNION ALL SELECT 'new', $1::uuid, now() + interval '1 day'",
        user,
    )
    await owner.execute(
        "INSERT INTO webhook_deliveries (job_kind, job_id, version, event, to_status, to_phase, occurred_at, url, status,"
        " delivered_at, last_attempt_at)"
        " SELECT 'execution', gen_random_uuid(), 1, 'x', 'x', 'x', now(), 'https://x', s, d, a FROM (VALUES"
        " ('delivered', now() - interval '8 days', NULL), ('delivered', now() - interval '6 days', NULL),"
        " ('dead', NULL, now() - interval '31 days'), ('dead', NULL, now() - interval '29 days'),"
        " ('pending', NULL, now() - interval '90 days')) AS v(s, d, a)"
    )

    assert await prune.prune_sign_ins(maintenance, limit=2) == 5
    assert await prune.prune_callbacks(maintenance) == 2
    assert await owner.fetchval("SELECT count(*) FROM webhook_deliveries") == 3


async def test_a_second_round_finds_nothing(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any, store: Store
) -> None:
    await lives.finished(database)
    await owner.execute("UPDATE executions SET retain_until = now()")

    assert [await run(maintenance, store), await run(maintenance, store)] == [1, 0]


async def test_the_application_role_may_not_delete_jobs(database: TenantDatabase, owner: Any, store: Store) -> None:
    await lives.finished(database)
    await owner.execute("UPDATE executions SET retain_until = now()")

    with pytest.raises(Exception, match="permission denied"):
        await run(database, store)
