"""Anchors outlive crashes and full disks, and nobody begins them again without being told to."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from milepost.db.seals import ANCHORS_BEGUN, tell
from milepost.domain.errors import SealRefused
from milepost.engine.audit.check import Seen, check_audit
from milepost.storage.anchors import TAIL
from tests.sealing.conftest import INSTALLATION, Scene


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """The kernel itself writes a part and then refuses, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def found(scene: Scene) -> list[str]:
    seen = [Seen("default", scene.tenant, scene.log.veil)]
    report = await check_audit(scene.control, seen, scene.keys, scene.anchors, installation=INSTALLATION)
    return [wrong.what for wrong in report.wrong]


async def test_a_disk_that_is_full_in_the_middle_of_a_line_leaves_no_finding_behind(scene: Scene) -> None:
    file = scene.folder / "anchors" / "default.jsonl"
    await scene.live()
    await scene.seal()
    await scene.live()
    for more in (40, 70):
        with files_no_larger_than(file.stat().st_size + more), pytest.raises(OSError, match="bytes"):
            await scene.seal()
    assert await found(scene) != []  # until the next seal mends it

    await scene.live()
    assert await scene.seal() == 3
    assert len(file.read_bytes().splitlines()) == 5
    assert [number for number, _ in scene.anchors.all("default")] == [1, 4, 5]
    assert await found(scene) == []


async def test_a_line_that_was_cut_by_hand_is_still_a_finding(scene: Scene) -> None:
    file = scene.folder / "anchors" / "default.jsonl"
    for _ in range(2):
        await scene.live()
        await scene.seal()
    first, second = file.read_text().splitlines()
    file.write_text(f"{first[:-9]}\n{second}\n")

    assert (await found(scene))[0].startswith("anchor 1 does not count")


async def test_the_newest_anchor_is_found_behind_any_amount_of_rubbish(scene: Scene) -> None:
    await scene.live()
    await scene.seal()
    known = scene.anchors.last("default")
    with (scene.folder / "anchors" / "default.jsonl").open("a") as file:
        file.write(("x" * 99 + "\n") * (TAIL // 20))

    assert scene.anchors.last("default") == known
    await scene.live()
    assert await scene.seal() == 3


async def test_anchors_that_vanished_are_only_begun_again_by_somebody_who_says_so(scene: Scene) -> None:
    for _ in range(2):
        await scene.live()
        await scene.seal()
    (scene.folder / "anchors" / "default.jsonl").unlink()
    await scene.live()
    with pytest.raises(SealRefused, match="2 seals were made, and nothing is anchored") as refused:
        await scene.seal()
    assert "audit reanchor" in (refused.value.hint or "")
    assert len(await scene.seals()) == 2

    assert await scene.sealer.anchor_anew(scene.log) == 2
    assert await scene.sealer.anchor_anew(scene.log) is None
    await tell(scene.tenant, ANCHORS_BEGUN, "default", {"seal": 2}, actor="cli:test")
    assert await scene.seal() == 4
    assert [row["action"] for row in await scene.copies()][-1] == "audit.anchors_begun"
    assert await found(scene) == []


async def test_a_copy_without_a_seal_is_told_of_and_is_not_taken_for_another_sealer(scene: Scene) -> None:
    await scene.live()
    await scene.keeper.execute(
        "INSERT INTO audit_logs (tenant_id, source_id, user_id, action, resource_type, resource_id)"
        " VALUES ('default', 2, 'system', 'a.b', 'a', 'x')"
    )

    with pytest.raises(SealRefused, match="a copy of one of its rows already"):
        await scene.seal()
    assert await scene.seals() == []
