"""Whoever kept a checkpoint elsewhere sees a roll-back that leaves nothing else behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from milepost.domain.checkpoint import Checkpoint
from milepost.engine.audit.check import Seen, check_audit
from milepost.engine.seal import origin
from milepost.storage.anchors import notes_in
from milepost.tenancy.signing import SigningKey
from tests.sealing.conftest import INSTALLATION, Scene
from tests.sealing.test_tampering import EVERYTHING, VEIL, roll_both_back, sealed

__all__ = ["sealed"]


async def findings(scene: Scene, kept: Mapping[str, Sequence[str]]) -> list[str]:
    seen = [Seen("default", scene.tenant, VEIL)]
    report = await check_audit(
        scene.control, seen, scene.keys, scene.anchors, installation=INSTALLATION, kept=kept
    )  # fmt: skip
    return [wrong.what for wrong in report.wrong]


async def anchored(scene: Scene) -> list[str]:
    return [note for _, note in scene.anchors.all("default") if note is not None]


async def roll_everything_back(scene: Scene) -> None:
    """Rows, jobs, copies, seals and anchors, to the moment of the first seal: no key is needed for it."""
    await roll_both_back(scene)
    file = scene.folder / "anchors" / "default.jsonl"
    file.write_text(file.read_text().split("\n", 1)[0] + "\n")
    for connection, tables in ((scene.owner, EVERYTHING), (scene.keeper, ("audit_logs", "audit_seals"))):
        for table in tables:
            await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


async def test_a_roll_back_of_everything_is_found_by_a_checkpoint_that_was_kept(sealed: Scene) -> None:
    kept = await anchored(sealed)
    assert await findings(sealed, {"default": kept}) == []

    await roll_everything_back(sealed)

    assert await findings(sealed, {}) == []  # nothing here tells of it
    assert await findings(sealed, {"default": kept}) == [
        "12 rows are known to have been sealed and 6 sealed: the seals were rolled back"
    ]


async def test_rows_that_were_sealed_since_do_not_hide_it(sealed: Scene) -> None:
    kept = await anchored(sealed)
    await roll_everything_back(sealed)
    for jobs in (1, 2):
        await sealed.live(jobs)
        await sealed.another_sealer().seal(sealed.log)

    assert await findings(sealed, {"default": kept}) == [
        "the checkpoint that was kept is of 12 rows, which no seal has"
    ]


async def test_another_history_of_the_same_length_is_found(sealed: Scene) -> None:
    kept = await anchored(sealed)
    await roll_everything_back(sealed)
    await sealed.live(2)
    await sealed.another_sealer().seal(sealed.log)

    [what] = await findings(sealed, {"default": kept})
    assert what.startswith("the checkpoint that was kept has another tree of 12 rows")


@pytest.mark.parametrize(("installation", "what"), [(INSTALLATION, "no known key"), ("there", "not of milepost/here")])
async def test_a_checkpoint_of_another_key_or_installation_counts_for_nothing(
    sealed: Scene, installation: str, what: str
) -> None:
    key = SigningKey(b"z" * 32) if installation == INSTALLATION else sealed.key
    note = key.sign(Checkpoint(origin(installation, "default"), 6, bytes(32)))

    [told] = await findings(sealed, {"default": [note]})
    assert what in told


async def test_what_was_kept_may_be_lines_of_anchors_or_one_note(sealed: Scene) -> None:
    notes = await anchored(sealed)
    lines = (sealed.folder / "anchors" / "default.jsonl").read_bytes()

    assert notes_in(lines) == notes
    assert notes_in(lines.splitlines()[1]) == [notes[1]]
    assert notes_in(notes[0].encode()) == [notes[0]]
    assert notes_in(notes[0].strip("\n").encode()) == [notes[0]]
