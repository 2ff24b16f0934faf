"""Every way of tampering that the sealed audit is for, done by a superuser with all triggers off, is found and named."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from milepost.domain.canonical import Entry, entry_bytes
from milepost.domain.checkpoint import Checkpoint
from milepost.domain.merkle import Frontier, leaf_hash
from milepost.domain.pseudonym import Veil
from milepost.engine.audit.check import Seen, check_audit
from milepost.engine.audit.report import AuditReport, Tampered
from milepost.engine.seal import Log, origin
from milepost.engine.verify import Wrong, verify
from milepost.kinds.executions import KIND
from milepost.tenancy.signing import PublicKeys, SigningKey
from tests.sealing.conftest import INSTALLATION, Scene

VEIL = Veil(b"a tenant's key").over
EVERYTHING = ("audit_logs", "executions", "status_transitions_executions")
# two seals of two jobs, with three rows each: what is tampered with lies in either
SEALED = 12


@pytest.fixture
async def sealed(scene: Scene) -> Scene:
    for _ in range(2):
        await scene.live(2)
        await scene.seal()
    return scene


async def disarmed(connection: Any, tables: tuple[str, ...], *statements: str) -> None:
    for table in tables:
        await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for sql in statements:
        await connection.execute(sql)


async def tenant(scene: Scene, *statements: str) -> None:
    await disarmed(scene.owner, EVERYTHING, *statements)


async def control(scene: Scene, *statements: str) -> None:
    await disarmed(scene.keeper, ("audit_logs", "audit_seals"), *statements)


async def findings(scene: Scene, *, keys: PublicKeys | None = None, key_known: bool = True) -> list[Tampered]:
    seen = Seen("default", scene.tenant, VEIL if key_known else None)
    report = await check_audit(scene.control, [seen], keys or scene.keys, scene.anchors, installation=INSTALLATION)
    return report.wrong


async def both_logs(scene: Scene) -> AuditReport:
    logs = [Seen("control", scene.control), Seen("default", scene.tenant, VEIL)]
    return await check_audit(scene.control, logs, scene.keys, scene.anchors, installation=INSTALLATION)


async def history(scene: Scene) -> list[Wrong]:
    return (await verify(scene.tenant, [KIND])).wrong


# ------------------------------------------------------------------------------------ what the tamperer does


async def edit_payload(scene: Scene) -> None:
    await tenant(scene, 'UPDATE audit_logs SET details = \'{"reason": "harmless"}\' WHERE id = 5')


async def edit_time(scene: Scene) -> None:
    await tenant(scene, "UPDATE audit_logs SET created_at = created_at - interval '1 ms' WHERE id = 5")


async def edit_user(scene: Scene) -> None:
    await tenant(scene, "UPDATE audit_logs SET user_id = 'somebody else' WHERE id = 5")


async def swap_two_rows(scene: Scene) -> None:
    await tenant(
        scene,
        "UPDATE audit_logs a SET (action, resource_id, version, actor, created_at) ="
        " (SELECT b.action, b.resource_id, b.version, b.actor, b.created_at FROM audit_logs b WHERE b.id = 13 - a.id)"
        " WHERE a.id IN (5, 8)",
    )


async def delete_first(scene: Scene) -> None:
    await tenant(scene, "DELETE FROM audit_logs WHERE id = 1")


async def delete_middle(scene: Scene) -> None:
    await tenant(scene, "DELETE FROM audit_logs WHERE id = 6")


async def delete_last(scene: Scene) -> None:
    await tenant(scene, f"DELETE FROM audit_logs WHERE id = {SEALED}")


async def delete_and_renumber(scene: Scene) -> None:
    await tenant(
        scene,
        "ALTER TABLE audit_logs ALTER COLUMN id DROP IDENTITY",
        "DELETE FROM audit_logs WHERE id = 6",
        "UPDATE audit_logs SET id = -id WHERE id > 6",
        "UPDATE audit_logs SET id = -id - 1 WHERE id < 0",
    )


async def insert_with_an_old_number(scene: Scene) -> None:
    await tenant(
        scene,
        "INSERT INTO audit_logs (id, user_id, action, resource_type, resource_id, created_at, xid) OVERRIDING SYSTEM VALUE"
        " SELECT 1000, 'system', 'execution.approved', 'execution', 'x', created_at, xid FROM audit_logs WHERE id = 5",
    )


async def insert_back_dated_and_let_it_be_sealed(scene: Scene) -> None:
    await tenant(
        scene,
        "INSERT INTO audit_logs (user_id, action, resource_type, resource_id, created_at)"
        " VALUES ('system', 'execution.approved', 'execution', 'x', now() - interval '3 days')",
    )
    await scene.seal()


async def duplicate(scene: Scene) -> None:
    await tenant(
        scene,
        "INSERT INTO audit_logs (user_id, action, resource_type, resource_id, created_at, actor, version, xid)"
        " SELECT user_id, action, resource_type, resource_id, created_at, actor, version, xid FROM audit_logs WHERE id = 5",
    )


async def edit_leaf_hashes(scene: Scene) -> None:
    await control(
        scene,
        "UPDATE audit_seals SET leaf_hashes = overlay(leaf_hashes placing sha256('x') from 1 + 32 * 4) WHERE seal_no = 1",
    )


async def edit_row_and_copy(scene: Scene) -> None:
    change = "UPDATE audit_logs SET action = 'execution.failed' WHERE"
    await tenant(scene, f"{change} id = 5")
    await control(scene, f"{change} source_id = 5")


async def edit_row_copy_and_leaf_hash(scene: Scene) -> None:
    await edit_row_and_copy(scene)
    rows, seals = await scene.copies(), await scene.seals()
    leaf = leaf_hash(entry_bytes(entry_of(rows[4])))
    packed = seals[0]["leaf_hashes"][: 32 * 4] + leaf + seals[0]["leaf_hashes"][32 * 5 :]
    await scene.keeper.execute("UPDATE audit_seals SET leaf_hashes = $1 WHERE seal_no = 1", packed)


async def delete_row_and_copy(scene: Scene) -> None:
    await tenant(scene, "DELETE FROM audit_logs WHERE id = 5")
    await control(scene, "DELETE FROM audit_logs WHERE source_id = 5")


async def insert_row_and_copy(scene: Scene) -> None:
    await insert_with_an_old_number(scene)
    await control(
        scene,
        "INSERT INTO audit_logs (tenant_id, source_id, user_id, action, resource_type, resource_id, created_at, xid)"
        " SELECT 'default', 1000, 'system', 'execution.approved', 'execution', 'x', created_at, xid"
        " FROM audit_logs WHERE source_id = 5",
    )


def entry_of(row: Any) -> Entry:
    written = row["created_at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return Entry(
        "default", row["epoch"], row["source_id"], int(row["xid"]), row["tenant_id"], row["user_id"], row["action"],
        row["resource_type"], row["resource_id"], row["details"], written, row["actor"], row["version"],
    )  # fmt: skip


async def recompute_everything(scene: Scene, key: SigningKey) -> None:
    """All of the tree from the altered row on, signed with the key."""
    await edit_row_and_copy(scene)
    frontier, entries = Frontier(), [entry_of(row) for row in await scene.copies()]
    for seal in await scene.seals():
        leaves = [
            leaf_hash(entry_bytes(entry)) for entry in entries[frontier.size : frontier.size + seal["leaf_count"]]
        ]
        frontier = frontier.extend(leaves)
        note = key.sign(Checkpoint(origin(INSTALLATION, "default"), frontier.size, frontier.root()))
        await scene.keeper.execute(
            "UPDATE audit_seals SET leaf_hashes = $2, root = $3, frontier = $4, checkpoint = $5 WHERE seal_no = $1",
            seal["seal_no"], b"".join(leaves), frontier.root(), frontier.packed(), note,
        )  # fmt: skip


async def recompute_without_the_key(scene: Scene) -> None:
    await recompute_everything(scene, SigningKey(b"x" * 32))


async def recompute_and_keep_the_signatures(scene: Scene) -> None:
    kept = [seal["checkpoint"] for seal in await scene.seals()]
    await recompute_without_the_key(scene)
    for number, note in enumerate(kept, 1):
        await scene.keeper.execute("UPDATE audit_seals SET checkpoint = $2 WHERE seal_no = $1", number, note)


async def recompute_with_the_stolen_key(scene: Scene) -> None:
    await recompute_everything(scene, scene.key)


async def roll_the_tenant_back(scene: Scene) -> None:
    await tenant(
        scene, "DELETE FROM audit_logs WHERE id > 6", "DELETE FROM executions WHERE created_at >= (SELECT created_at FROM audit_logs LIMIT 1) AND id NOT IN (SELECT resource_id::uuid FROM audit_logs)"
    )  # fmt: skip


async def roll_both_back(scene: Scene) -> None:
    await roll_the_tenant_back(scene)
    await control(scene, "DELETE FROM audit_logs WHERE source_id > 6", "DELETE FROM audit_seals WHERE seal_no > 1")


async def truncate(scene: Scene) -> None:
    await tenant(scene, "TRUNCATE audit_logs")


async def truncate_seals(scene: Scene) -> None:
    await control(scene, "TRUNCATE audit_seals")


def by_owner(sql: str) -> Callable[[Scene], Awaitable[None]]:
    return lambda scene: scene.owner.execute(sql)


def by_keeper(sql: str) -> Callable[[Scene], Awaitable[None]]:
    return lambda scene: scene.keeper.execute(sql)


async def delete_a_seal(scene: Scene) -> None:
    await control(scene, "DELETE FROM audit_seals WHERE seal_no = 1")


async def pretend_a_restore(scene: Scene) -> None:
    """The rows would count as taken back by it."""
    await tenant(scene, "DELETE FROM audit_logs WHERE id BETWEEN 4 AND 6")
    await control(scene, "UPDATE audit_seals SET epoch = 2, after_id = 3, xid_from = '0' WHERE seal_no = 2")


async def pretend_a_restore_in_the_copies_too(scene: Scene) -> None:
    await pretend_a_restore(scene)
    await control(scene, "UPDATE audit_logs SET epoch = 2 WHERE source_id > 6")


async def begin_later(scene: Scene) -> None:
    """Rows before the beginning would not be looked at."""
    await tenant(scene, "DELETE FROM audit_logs WHERE id <= 3")
    await control(scene, "UPDATE audit_seals SET after_id = 3")


async def fork(scene: Scene) -> None:
    """Another tree of the same size, signed with the stolen key and shown to somebody else."""
    other = Checkpoint(origin(INSTALLATION, "default"), SEALED, b"\1" * 32)
    scene.anchors.append("default", 2, scene.key.sign(other))


async def edit_an_anchor(scene: Scene) -> None:
    file = scene.folder / "anchors" / "default.jsonl"
    first, rest = file.read_text().split("\n", 1)
    line = json.loads(first)
    size = line["checkpoint"].split("\n")[2]
    line["checkpoint"] = line["checkpoint"].replace(size, base64.b64encode(b"\2" * 32).decode())
    file.write_text(json.dumps(line) + "\n" + rest)


async def remove_the_anchors(scene: Scene) -> None:
    (scene.folder / "anchors" / "default.jsonl").unlink()


async def stop_the_sealer(scene: Scene) -> None:
    await tenant(
        scene,
        "INSERT INTO audit_logs (user_id, action, resource_type, resource_id, created_at)"
        " VALUES ('system', 'a.b', 'a', 'x', now() - interval '61 seconds')",
    )


# ------------------------------------------------------------------------------------ what must be found


@dataclass(frozen=True)
class Case:
    """How the audit is tampered with, and what must be the first finding: the row (or leaf) and a part of the words."""

    tamper: Callable[[Scene], Awaitable[None]]
    what: str
    row: int | None = None
    leaf: int | None = None


CASES = {
    "edit a sealed payload": Case(edit_payload, "details was altered", row=5),
    "edit the time": Case(edit_time, "created_at was altered", row=5),
    "edit the user": Case(edit_user, "user_id was altered", row=5),
    "swap two rows": Case(swap_two_rows, "was altered", row=5),
    "delete the first row": Case(delete_first, "missing", row=1),
    "delete a row in the middle": Case(delete_middle, "missing", row=6),
    "delete the last row": Case(delete_last, "missing", row=SEALED),
    "delete and renumber": Case(delete_and_renumber, "was altered", row=6),
    "insert with an old number": Case(insert_with_an_old_number, "inserted", row=1000),
    "insert back-dated": Case(insert_back_dated_and_let_it_be_sealed, "not when it was written", row=SEALED + 1),
    "duplicate a row": Case(duplicate, "inserted", row=SEALED + 1),
    "edit the leaf hashes": Case(edit_leaf_hashes, "leaf hash was changed", row=5, leaf=4),
    "edit a row and its copy": Case(edit_row_and_copy, "copy was altered", row=5, leaf=4),
    "edit a row, its copy and its leaf hash": Case(edit_row_copy_and_leaf_hash, "not what was signed", row=1, leaf=0),
    "delete a row and its copy": Case(delete_row_and_copy, "copy of this leaf is missing", leaf=4),
    "insert a row and its copy": Case(insert_row_and_copy, "copy was inserted", row=1000),
    "recompute the whole tree without the key": Case(recompute_without_the_key, "no known key", row=1, leaf=0),
    "recompute and keep the signatures": Case(recompute_and_keep_the_signatures, "not what was signed", row=1, leaf=0),
    "recompute with the stolen key": Case(recompute_with_the_stolen_key, "another tree of 6 rows", row=1),
    "roll the tenant's database back": Case(roll_the_tenant_back, "missing", row=7),
    "roll both databases back": Case(roll_both_back, "12 rows are anchored and 6 sealed", leaf=6),
    "truncate the log": Case(truncate, "missing", row=1),
    "truncate the seals": Case(truncate_seals, "inserted behind the last seal", row=1),
    "drop the log": Case(
        by_owner("DROP TABLE audit_logs CASCADE"), 'default cannot be read: relation "audit_logs" does not exist'
    ),
    "drop the copies": Case(
        by_keeper("DROP TABLE audit_logs CASCADE"), 'control cannot be read: relation "audit_logs" does not exist'
    ),
    "drop the seals": Case(
        by_keeper("DROP TABLE audit_seals CASCADE"), 'control cannot be read: relation "audit_seals" does not exist'
    ),
    "drop the list of tenants": Case(
        by_keeper("DROP TABLE tenants CASCADE"), 'control cannot be read: relation "tenants" does not exist'
    ),
    "drop a column": Case(
        by_owner("ALTER TABLE audit_logs DROP COLUMN details"),
        'default cannot be read: column "details" does not exist',
    ),
    "change a column's type": Case(
        by_owner("ALTER TABLE audit_logs ALTER COLUMN details TYPE text"),
        "default cannot be read: operator does not exist: text ->>",
    ),
    "delete a seal": Case(delete_a_seal, "seals before this one are missing", leaf=6),
    "pretend a restore": Case(pretend_a_restore, "sealed in epoch 1, and its seal says 2", row=7, leaf=6),
    "pretend a restore in the copies too": Case(pretend_a_restore_in_the_copies_too, "copy was altered", row=7, leaf=6),
    "begin later": Case(begin_later, "does not begin with the log", leaf=0),
    "fork": Case(fork, "fork: two trees of 12 rows"),
    "edit an anchor": Case(edit_an_anchor, "forged"),
    "remove the anchors": Case(remove_the_anchors, "nothing is anchored", leaf=0),
    "stop the sealer": Case(stop_the_sealer, "not been sealed for 61 seconds", row=SEALED + 1),
}


@pytest.mark.parametrize("name", CASES)
async def test_tampering_is_found_and_named(sealed: Scene, name: str, found_after: dict[str, float | None]) -> None:
    case, found_after[name] = CASES[name], None
    assert await findings(sealed) == []

    await case.tamper(sealed)

    began = time.perf_counter()
    found = await findings(sealed)
    took = time.perf_counter() - began
    assert found
    first = found[0]
    assert case.what in first.what
    assert (first.row, first.leaf) == (case.row, case.leaf if case.leaf is not None else first.leaf)
    found_after[name] = took


async def test_rows_that_a_pretended_restore_took_back_are_missing(sealed: Scene) -> None:
    await pretend_a_restore(sealed)

    found = [(wrong.row, wrong.what) for wrong in await findings(sealed)]
    assert (None, "no sealed row tells that epoch 2 begins behind row 3") in found
    assert [row for row, what in found if what == "it is missing"] == [4, 5, 6]


async def test_another_public_key_fits_no_seal(sealed: Scene) -> None:
    first = (await findings(sealed, keys=PublicKeys([SigningKey(b"y" * 32).public])))[0]

    assert (first.row, first.leaf) == (1, 0)
    assert "no known key" in first.what


async def test_a_log_that_is_gone_hides_nothing_else(sealed: Scene) -> None:
    await by_owner("DROP TABLE audit_logs CASCADE")(sealed)
    await control(sealed, "DELETE FROM audit_logs WHERE source_id > 6", "DELETE FROM audit_seals WHERE seal_no > 1")

    found = [(wrong.log, wrong.what) for wrong in (await both_logs(sealed)).wrong]
    assert [log for log, what in found if "cannot be read" in what] == ["default"]
    assert ("default", "12 rows are anchored and 6 sealed: the seals were rolled back") in found


async def test_a_status_without_a_transition_is_found_by_the_history(sealed: Scene) -> None:
    job = (await sealed.owner.fetchrow("SELECT id FROM executions ORDER BY id LIMIT 1"))["id"]
    await tenant(sealed, f"UPDATE executions SET status = 'FAILED', error_code = 'X' WHERE id = '{job}'")

    assert [(wrong.job_id, wrong.version) for wrong in await history(sealed)] == [(str(job), 3)]


@pytest.mark.parametrize(
    "sql",
    [
        "TRUNCATE status_transitions_executions",
        "DROP TABLE status_transitions_executions",
        "ALTER TABLE status_transitions DETACH PARTITION status_transitions_executions",
    ],
)
async def test_a_partition_that_was_emptied_or_taken_away_is_found_by_the_history(sealed: Scene, sql: str) -> None:
    await tenant(sealed, sql)

    found = await history(sealed)
    assert len({wrong.job_id for wrong in found if wrong.what == "has no history"}) == 4


async def test_a_transition_that_was_added_with_its_audit_row_is_found(sealed: Scene) -> None:
    """Sealed like any other: what it says does not fit the job."""
    job = (await sealed.owner.fetchrow("SELECT id FROM executions ORDER BY id LIMIT 1"))["id"]
    await tenant(
        sealed,
        "INSERT INTO audit_logs (user_id, action, resource_type, resource_id, version, actor)"
        f" VALUES ('system', 'execution.completed', 'execution', '{job}', 3, 'worker:w1')",
    )
    await sealed.seal()

    assert await findings(sealed) == []
    assert [wrong.what for wrong in await history(sealed)] == ["has more than one audit row"]


@pytest.mark.parametrize(
    "name", ["edit a sealed payload", "swap two rows", "delete a row in the middle", "edit the user"]
)
async def test_without_the_tenants_key_too(sealed: Scene, name: str) -> None:
    assert await findings(sealed, key_known=False) == []

    await CASES[name].tamper(sealed)

    assert (await findings(sealed, key_known=False))[0].row == CASES[name].row


async def test_a_control_log_that_nobody_seals_is_found_too(sealed: Scene) -> None:
    for seconds in (90, 61, 1):
        await sealed.keeper.execute(
            "INSERT INTO audit_logs (tenant_id, user_id, action, resource_type, resource_id, created_at)"
            " VALUES ('default', 'system', 'a.b', 'a', 'x', now() - $1 * interval '1 second')",
            seconds,
        )

    report = await both_logs(sealed)
    assert [found.what for found in report.wrong] == ["it has not been sealed for 90 seconds"]
    assert report.logs[0].unsealed == 3
    await sealed.sealer.seal(Log("control", sealed.control))
    report = await both_logs(sealed)
    assert (report.wrong, report.logs[0].unsealed, report.logs[0].leaves) == ([], 0, 3)


async def test_a_living_log_is_clean_while_it_is_sealed(sealed: Scene) -> None:
    """Rows that are not sealed yet, but not late, are no finding; nor is a job that was pruned."""
    await sealed.live()

    report = await both_logs(sealed)

    assert report.wrong == []
    assert [(log.rows, log.leaves, log.seals, log.anchors, log.unsealed) for log in report.logs] == [
        (0, 0, 0, 0, 0), (15, 12, 2, 2, 3),
    ]  # fmt: skip
