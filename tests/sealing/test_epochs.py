"""After a restore sealing goes on in a new epoch, if what was restored is the beginning of what was sealed."""

from __future__ import annotations

import pytest

from milepost.db import seals
from milepost.domain.errors import SealRefused, Unavailable
from milepost.engine.audit import epoch
from milepost.engine.audit.check import Seen, check_audit
from milepost.engine.audit.epoch import Restored, begin_epoch
from milepost.engine.seal import Sealer
from tests.sealing.conftest import INSTALLATION, Scene
from tests.sealing.test_tampering import EVERYTHING, tenant

BACK = (
    "DELETE FROM audit_logs WHERE id > {0}",
    "DELETE FROM status_transitions WHERE job_id NOT IN (SELECT resource_id::uuid FROM audit_logs)",
    "DELETE FROM executions WHERE id NOT IN (SELECT resource_id::uuid FROM audit_logs)",
    "ALTER TABLE audit_logs ALTER COLUMN id RESTART WITH {1}",
)


async def back_to(scene: Scene, row: int) -> None:
    """As a backup of that moment would be: later rows are gone, and their ids are given again."""
    await tenant(scene, *(sql.format(row, row + 1) for sql in BACK))
    for table in EVERYTHING:
        await scene.owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


async def findings(scene: Scene) -> list[str]:
    seen = [Seen("default", scene.tenant, scene.log.veil)]
    report = await check_audit(scene.control, seen, scene.keys, scene.anchors, installation=INSTALLATION)
    return [f"{found.row} {found.what}" for found in report.wrong]


async def counted(scene: Scene) -> tuple[int, int]:
    seen = [Seen("default", scene.tenant, scene.log.veil)]
    report = await check_audit(scene.control, seen, scene.keys, scene.anchors, installation=INSTALLATION)
    return report.logs[0].epochs, report.logs[0].copies_alone


async def begin(scene: Scene) -> Restored:
    return await begin_epoch(scene.sealer, scene.control, scene.log, actor="cli:test")


async def test_a_restored_log_goes_on_and_what_was_lost_lives_on_as_copies(scene: Scene) -> None:
    await scene.live(3)
    await scene.seal()
    await back_to(scene, 6)
    with pytest.raises(SealRefused, match="row 9, which is sealed, is not there"):
        await scene.seal()

    assert await begin(scene) == (2, 6, 3)
    await scene.live()
    assert await scene.seal() == 3
    assert await findings(scene) == []
    assert await counted(scene) == (2, 3)
    assert len(await scene.copies()) == 9 + 1 + 3
    assert [(seal["epoch"], seal["after_id"], seal["tree_size"]) for seal in await scene.seals()] == [
        (1, 0, 9), (2, 6, 10), (2, 6, 13),
    ]  # fmt: skip
    told = await scene.owner.fetchrow("SELECT actor, details FROM audit_logs WHERE action = 'audit.epoch_started'")
    assert (told["actor"], told["details"]) == ("cli:test", '{"lost": 3, "epoch": 2, "after_id": 6}')


async def moved_with_rows_behind(scene: Scene, row: int) -> None:
    """As on a server that counts transactions from an earlier number: what was written there is behind the seals."""
    await tenant(scene, f"UPDATE audit_logs SET xid = id::text::xid8 WHERE id > {row}")
    for table in EVERYTHING:
        await scene.owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


async def test_rows_that_the_backup_had_and_no_seal_covered_are_sealed_now(scene: Scene) -> None:
    await scene.live(2)
    await scene.seal()
    await scene.live()
    await moved_with_rows_behind(scene, 6)

    assert await begin(scene) == (2, 6, 0)
    assert (await scene.seals())[-1]["tree_size"] == 10
    assert await findings(scene) == []


async def test_rows_written_after_the_restore_under_ids_of_lost_ones_are_sealed(scene: Scene) -> None:
    await scene.live(2)
    await scene.seal()
    await back_to(scene, 3)
    await scene.live()

    assert await begin(scene) == (2, 3, 3)
    assert await scene.seal() == 0
    assert (await scene.seals())[-1]["tree_size"] == 10
    assert await findings(scene) == []


async def test_a_second_restore_is_a_third_epoch(scene: Scene) -> None:
    await scene.live(2)
    await scene.seal()
    await back_to(scene, 3)
    await begin(scene)
    await scene.live(2)
    await scene.seal()
    await tenant(scene, "DELETE FROM audit_logs WHERE id > 7")

    assert await begin(scene) == (3, 7, 3)
    assert await findings(scene) == []


async def test_a_row_taken_out_of_the_middle_is_no_restore(scene: Scene) -> None:
    await scene.live(2)
    await scene.seal()
    await tenant(scene, "DELETE FROM audit_logs WHERE id = 2")

    with pytest.raises(SealRefused, match="row 3 is there, but row 2"):
        await begin(scene)


async def test_an_altered_row_is_no_restore(scene: Scene) -> None:
    await scene.live(2)
    await scene.seal()
    await tenant(scene, "UPDATE audit_logs SET action = 'x.y' WHERE id = 2", "DELETE FROM audit_logs WHERE id = 6")

    with pytest.raises(SealRefused, match="action of row 2 was altered"):
        await begin(scene)


async def test_a_row_lost_and_slipped_in_again_differently_is_found_in_any_epoch(scene: Scene) -> None:
    await scene.live(2)
    await scene.seal()
    await back_to(scene, 4)
    await begin(scene)
    await tenant(scene, "UPDATE audit_logs SET action = 'x.y' WHERE id = 2", "DELETE FROM audit_logs WHERE id = 3")

    assert await findings(scene) == ["2 its action was altered", "3 it is missing"]


async def test_an_epoch_that_is_moved_to_an_earlier_row_is_found(scene: Scene) -> None:
    await scene.live(3)
    await scene.seal()
    await back_to(scene, 6)
    await begin(scene)
    await tenant(scene, "DELETE FROM audit_logs WHERE id BETWEEN 4 AND 6")
    await scene.keeper.execute("ALTER TABLE audit_seals DISABLE TRIGGER USER")
    await scene.keeper.execute("UPDATE audit_seals SET after_id = 3 WHERE epoch = 2")

    assert (await findings(scene))[:4] == [
        "None no sealed row tells that epoch 2 begins behind row 3", *(f"{row} it is missing" for row in (4, 5, 6))
    ]  # fmt: skip


async def test_a_second_row_that_tells_of_an_epoch_differently_is_found(scene: Scene) -> None:
    await scene.live(3)
    await scene.seal()
    await back_to(scene, 6)
    await begin(scene)
    await scene.owner.execute(
        "INSERT INTO audit_logs (user_id, action, resource_type, resource_id, details)"
        """ VALUES ('system', 'audit.epoch_started', 'audit', 'default', '{"epoch": 2, "after_id": 3}')"""
    )
    await scene.seal()
    await scene.keeper.execute("ALTER TABLE audit_seals DISABLE TRIGGER USER")
    await scene.keeper.execute("UPDATE audit_seals SET after_id = 3 WHERE epoch = 2")

    assert (await findings(scene))[0] == "None no sealed row tells that epoch 2 begins behind row 3"


async def test_a_try_that_failed_is_told_of_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.live(3)
    await scene.seal()
    await back_to(scene, 6)
    with monkeypatch.context() as broken:
        broken.setattr(seals, "append", nobody_is_first)
        for _ in range(2):
            with pytest.raises(SealRefused, match="another sealer was at work"):
                await begin(scene)

    assert await begin(scene) == (2, 6, 3)
    told = "SELECT count(*) FROM audit_logs WHERE action = 'audit.epoch_started'"
    assert await scene.owner.fetchval(told) == 1
    assert await findings(scene) == []


async def nobody_is_first(*_: object) -> bool:
    return False


async def test_a_backup_from_before_the_newest_epoch_is_refused_at_once(scene: Scene) -> None:
    await scene.live(3)
    await scene.seal()
    await back_to(scene, 6)
    await begin(scene)
    await back_to(scene, 3)

    with pytest.raises(SealRefused, match="from before epoch 2 began, or row 6"):
        await begin(scene)
    assert await scene.owner.fetchval("SELECT count(*) FROM audit_logs") == 3


async def sealer_of_two_seals(scene: Scene, *, restarted: bool) -> Sealer:
    """With a job to seal next, and seals that can be altered."""
    for _ in range(2):
        await scene.live()
        await scene.seal()
    sealer = scene.another_sealer() if restarted else scene.sealer
    await scene.live()
    await scene.keeper.execute("ALTER TABLE audit_seals DISABLE TRIGGER USER")
    return sealer


@pytest.mark.parametrize("restarted", [True, False])
async def test_a_sealer_is_not_led_into_an_epoch_that_nobody_began(scene: Scene, *, restarted: bool) -> None:
    """It would seal rows in it, among them a row that tells of it: a forged epoch, signed."""
    sealer = await sealer_of_two_seals(scene, restarted=restarted)
    await scene.keeper.execute("UPDATE audit_seals SET epoch = 2, after_id = 3 WHERE seal_no = 2")

    with pytest.raises(SealRefused, match="seal 2"):
        await sealer.seal(scene.log)
    await scene.keeper.execute("UPDATE audit_seals SET epoch = 1, after_id = 0 WHERE seal_no = 2")
    assert await sealer.seal(scene.log) == 3


@pytest.mark.parametrize(
    ("restarted", "moved"),
    [
        (False, "after_id = 100"),
        (False, "xid_to = (xid_to::text::bigint + 1000)::text::xid8"),
        (True, "after_id = 100"),
        (True, "after_id = 4"),
        (True, "xid_from = (xid_from::text::bigint + 1)::text::xid8"),
    ],
)
async def test_a_sealer_is_not_led_past_rows(scene: Scene, moved: str, *, restarted: bool) -> None:
    """What a seal says of where the next one begins is not signed."""
    sealer = await sealer_of_two_seals(scene, restarted=restarted)
    await scene.keeper.execute(f"UPDATE audit_seals SET {moved} WHERE seal_no = 2")

    with pytest.raises(SealRefused, match="seal 2"):
        await sealer.seal(scene.log)


async def test_beginning_an_epoch_goes_on_where_it_failed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.live(2)
    await scene.seal()
    await scene.live(2)
    await moved_with_rows_behind(scene, 6)

    async def away(*_: object, **__: object) -> int:
        raise Unavailable(server="control")

    monkeypatch.setattr(epoch, "BATCH", 2)
    with monkeypatch.context() as outage:
        outage.setattr(type(scene.sealer), "seal", away)
        with pytest.raises(Unavailable):
            await begin(scene)

    assert await begin(scene) == (2, 6, 0)
    assert await findings(scene) == []
    with pytest.raises(SealRefused, match="Nothing of the audit log of default was lost"):
        await begin(scene)


@pytest.mark.parametrize("waiting", [0, 1])
async def test_a_log_of_which_nothing_was_restored_begins_no_epoch(scene: Scene, waiting: int) -> None:
    await scene.live(2)
    await scene.seal()
    await scene.live(waiting)

    with pytest.raises(SealRefused, match="Nothing of the audit log of default was lost") as refused:
        await begin(scene)

    assert "backup" in (refused.value.hint or "")
    assert await scene.seal() == 3 * waiting
    assert [seal["epoch"] for seal in await scene.seals()] == [1] * (1 + waiting)
    assert await findings(scene) == []


async def test_more_rows_than_a_batch_holds_are_sealed_with_the_row_that_tells_of_the_epoch(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.live(2)
    await scene.seal()
    await scene.live(2)
    await moved_with_rows_behind(scene, 6)
    monkeypatch.setattr(epoch, "BATCH", 2)

    assert await begin(scene) == (2, 6, 0)
    assert [seal["leaf_count"] for seal in await scene.seals()] == [6, 1, 6]
    assert await findings(scene) == []
