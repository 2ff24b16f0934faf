"""The sealer takes every committed row once and in order, however late it commits; it signs nothing that does not fit."""

from __future__ import annotations

import asyncio
import json

import asyncpg
import pytest

from milepost.db import seals
from milepost.domain.checkpoint import Malformed
from milepost.domain.errors import SealRefused
from milepost.domain.merkle import Frontier, split
from milepost.engine import seal as engine
from milepost.engine.audit.check import Seen, check_audit
from milepost.engine.seal import Log
from milepost.tenancy.signing import PublicKeys, SigningKey
from tests.sealing.conftest import INSTALLATION, Scene

INSERT = "INSERT INTO audit_logs (user_id, action, resource_type, resource_id) VALUES ('system', 'a.b', 'a', $1)"


async def test_rows_are_copied_hashed_signed_and_anchored(scene: Scene) -> None:
    await scene.live(2)

    assert await scene.seal() == 6
    [seal] = await scene.seals()
    copies = await scene.copies()
    leaves = split(seal["leaf_hashes"])
    assert (seal["first_leaf"], seal["leaf_count"], seal["tree_size"]) == (0, 6, 6)
    assert seal["root"] == Frontier().extend(leaves).root()
    said = scene.keys.open(seal["checkpoint"], "milepost/here/default")
    assert (said.size, said.root) == (6, seal["root"])
    assert scene.anchors.last("default") == seal["checkpoint"]
    assert [row["source_id"] for row in copies] == [row["id"] for row in await scene.rows()]
    assert {row["tenant_id"] for row in copies} == {"default"}


async def test_sealing_again_goes_on_where_it_ended(scene: Scene) -> None:
    await scene.live()
    await scene.seal()
    assert await scene.seal() == 0
    await scene.live()
    assert await scene.another_sealer().seal(scene.log) == 3

    made = await scene.seals()
    whole = Frontier().extend(leaf for seal in made for leaf in split(seal["leaf_hashes"]))
    assert [seal["seal_no"] for seal in made] == [1, 2]
    assert made[0]["xid_to"] == made[1]["xid_from"]
    assert (whole.size, whole.root()) == (6, made[1]["root"])


async def test_a_row_that_commits_late_is_sealed_after_all(scene: Scene, urls) -> None:
    late = await asyncpg.connect(urls.maintenance)
    transaction = late.transaction()
    await transaction.start()
    await late.execute(INSERT, "late")
    await scene.owner.execute(INSERT, "soon")

    assert await scene.seal() == 0  # the late one may still come before it
    await transaction.commit()
    await late.close()
    assert await scene.seal() == 2
    assert [row["resource_id"] for row in await scene.copies()] == ["late", "soon"]


async def test_a_sealer_that_does_not_wait_for_open_transactions_is_found_out(
    scene: Scene, urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control of the test above: sealing up to the newest transaction leaves the late row behind for ever."""
    monkeypatch.setattr(seals, "HORIZON", "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
    late = await asyncpg.connect(urls.maintenance)
    transaction = late.transaction()
    await transaction.start()
    await late.execute(INSERT, "late")
    await scene.owner.execute(INSERT, "soon")
    assert await scene.seal() == 1
    await transaction.commit()
    await late.close()

    assert await scene.seal() == 0
    report = await check_audit(
        scene.control, [Seen("default", scene.tenant)], scene.keys, scene.anchors, installation=INSTALLATION
    )
    assert [(found.row, found.what) for found in report.wrong] == [(1, "it was inserted behind the seals' back")]


async def test_a_row_that_is_rolled_back_leaves_a_gap_and_nothing_else(scene: Scene) -> None:
    transaction = scene.owner.transaction()
    await transaction.start()
    await scene.owner.execute(INSERT, "never")
    await transaction.rollback()
    await scene.live()

    assert await scene.seal() == 3
    assert [row["source_id"] for row in await scene.copies()] == [2, 3, 4]


async def test_batches_hold_whole_transactions(scene: Scene) -> None:
    for size in (1, 4, 2, 1):
        await scene.owner.execute(
            "INSERT INTO audit_logs (user_id, action, resource_type, resource_id)"
            " SELECT 'system', 'a.b', 'a', n::text FROM generate_series(1, $1) n",
            size,
        )

    assert await scene.seal(batch=3) == 8
    assert [seal["leaf_count"] for seal in await scene.seals()] == [1, 4, 2, 1]


async def test_copies_name_no_user_and_no_key(scene: Scene) -> None:
    await scene.owner.execute(
        "INSERT INTO audit_logs (user_id, action, resource_type, resource_id, actor)"
        " VALUES ('0192-user', 'api_key.created', 'api_key', '0193-key', 'user:0192-user')"
    )
    await scene.seal()

    [copy] = await scene.copies()
    told = json.dumps({name: str(value) for name, value in copy.items()})
    assert "0192" not in told
    assert "0193" not in told
    assert copy["actor"] == f"user:{copy['user_id']}"


async def test_two_sealers_at_once_seal_every_row_once(scene: Scene) -> None:
    await scene.live(4)
    other = scene.another_sealer()

    counts = await asyncio.gather(scene.seal(batch=2), other.seal(scene.log, batch=2))

    made = await scene.seals()
    assert sum(counts) == sum(seal["leaf_count"] for seal in made) == 12
    assert len({row["source_id"] for row in await scene.copies()}) == 12
    anchored = [note for _, note in scene.anchors.all("default")]
    assert set(anchored) == {seal["checkpoint"] for seal in made}


async def test_the_control_log_is_sealed_and_not_copied(scene: Scene) -> None:
    await scene.live()
    await scene.seal()
    await scene.keeper.execute(
        "INSERT INTO audit_logs (tenant_id, user_id, action, resource_type, resource_id)"
        " VALUES ('default', 'system', 'tenant.create_started', 'tenant', 'default')"
    )

    assert await scene.sealer.seal(Log("control", scene.control)) == 1
    assert await scene.sealer.seal(Log("control", scene.control)) == 0
    assert await scene.keeper.fetchval("SELECT count(*) FROM audit_logs") == 4
    assert await scene.keeper.fetchval("SELECT tree_size FROM audit_seals WHERE log_id = 'control'") == 1


async def test_a_crash_before_the_anchor_is_made_good(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.live()
    await scene.seal()
    for _ in range(2):
        await scene.live()
        with monkeypatch.context() as broken:
            broken.setattr(scene.anchors, "append", full)
            with pytest.raises(OSError, match="full"):
                await scene.another_sealer().seal(scene.log)

    assert len(await scene.seals()) == 2  # nothing new was sealed while the last one was not anchored
    assert await scene.seal() == 3
    assert [note for _, note in scene.anchors.all("default")] == [seal["checkpoint"] for seal in await scene.seals()]


def full(*_: object) -> None:
    raise OSError("the disk is full")


async def test_seals_that_were_lost_are_made_again_along_the_anchors(scene: Scene) -> None:
    for _ in range(3):
        await scene.live()
        await scene.seal()
    before = [seal["checkpoint"] for seal in await scene.seals()]
    await forget(scene, "DELETE FROM audit_seals WHERE seal_no > 1", "DELETE FROM audit_logs WHERE source_id > 3")
    await scene.live()

    assert await scene.seal() == 9
    assert [seal["checkpoint"] for seal in await scene.seals()][:3] == before
    assert len([*scene.anchors.all("default")]) == 4


async def forget(scene: Scene, *statements: str) -> None:
    async with scene.keeper.transaction():
        for table in ("audit_logs", "audit_seals"):
            await scene.keeper.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for sql in statements:
            await scene.keeper.execute(sql)
        for table in ("audit_logs", "audit_seals"):
            await scene.keeper.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER prevent_{table}_modification")
            await scene.keeper.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER prevent_{table}_truncate")


REFUSED = {
    "another root": ("UPDATE audit_seals SET root = sha256(root), frontier = sha256(frontier)", "frontier"),
    "another frontier": ("UPDATE audit_seals SET frontier = overlay(frontier placing '\\x00'::bytea from 1)", "frontier"),
    "seals that are gone": ("DELETE FROM audit_seals", "not those that were anchored"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_nothing_is_signed_that_does_not_grow_from_what_is_anchored(scene: Scene, name: str) -> None:
    await scene.live()
    await scene.seal()
    sql, told = REFUSED[name]
    await forget(scene, sql, "DELETE FROM audit_logs" if "gone" in name else "SELECT 1")
    await scene.owner.execute("ALTER TABLE audit_logs DISABLE TRIGGER USER")
    await scene.owner.execute("UPDATE audit_logs SET user_id = 'somebody' WHERE id = 2")
    await scene.live()

    with pytest.raises(SealRefused, match=told):
        await scene.seal()
    assert len([*scene.anchors.all("default")]) == 1


async def test_a_log_behind_its_seals_is_not_sealed(scene: Scene) -> None:
    await scene.live()
    await scene.seal()
    await scene.owner.execute("ALTER TABLE audit_logs DISABLE TRIGGER USER")
    await scene.owner.execute("DELETE FROM audit_logs WHERE id = 3")

    with pytest.raises(SealRefused, match="row 3, which is sealed, is not there"):
        await scene.seal()


async def test_who_stops_sealing_is_told_how_late_it_is(
    scene: Scene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.live()
    await scene.seal()
    assert scene.sealer.sealing.lag["default"] == 0
    await scene.owner.execute(
        "INSERT INTO audit_logs (user_id, action, resource_type, resource_id, created_at)"
        " VALUES ('system', 'a.b', 'a', 'x', now() - interval '2 minutes')"
    )

    broken = scene.another_sealer()
    monkeypatch.setattr(scene.anchors, "last", full)
    with pytest.raises(OSError, match="full"):
        await broken.seal(scene.log)

    assert broken.sealing.lag["default"] > engine.ALARM
    assert "sealed 120 seconds late" in caplog.text


def test_a_key_shows_its_public_half_alone(tmp_path) -> None:
    key = SigningKey(bytes(range(32)))

    assert bytes(range(32)).hex() not in repr(key) + str(vars(key)) + key.verifier()


async def test_a_note_of_another_log_or_key_is_refused(scene: Scene) -> None:
    await scene.live()
    await scene.seal()
    note = (await scene.seals())[0]["checkpoint"]

    with pytest.raises(Malformed, match="not of"):
        scene.keys.open(note, "milepost/here/other")
    with pytest.raises(Malformed, match="no known key"):
        PublicKeys([SigningKey(bytes(32)).public]).open(note, "milepost/here/default")
    with pytest.raises(Malformed, match="forged"):
        scene.keys.open(note.replace("\n3\n", "\n4\n"), "milepost/here/default")


async def test_rows_that_waited_for_days_are_sealed_in_batches_and_none_of_them_is_suspicious(scene: Scene) -> None:
    for hours in (48, 30, 12, 1):
        await scene.owner.execute(
            "INSERT INTO audit_logs (user_id, action, resource_type, resource_id, created_at)"
            " VALUES ('system', 'a.b', 'a', 'x', now() - $1 * interval '1 hour')",
            hours,
        )

    assert await scene.seal(batch=3) == 4
    assert [seal["leaf_count"] for seal in await scene.seals()] == [2, 2]
    await scene.live()
    await scene.seal()
    report = await check_audit(
        scene.control, [Seen("default", scene.tenant)], scene.keys, scene.anchors, installation=INSTALLATION
    )
    assert report.wrong == []


async def test_who_is_late_seals_beyond_its_share_only_until_it_is_late_no_more(scene: Scene) -> None:
    for seconds in (50, 40, 30, 3, 2, 1):
        await scene.owner.execute(
            "INSERT INTO audit_logs (user_id, action, resource_type, resource_id, created_at)"
            " VALUES ('system', 'a.b', 'a', 'x', now() - $1 * interval '1 second')",
            seconds,
        )

    assert await scene.seal(share=0.0, batch=2) == 0  # nobody has looked yet how late it is
    assert scene.sealer.sealing.lag["default"] > 49
    assert await scene.seal(share=0.0, batch=2) == 3
    assert 3 <= scene.sealer.sealing.lag["default"] < engine.LATE
    assert scene.sealer.sealing.rows["default"] == 3
