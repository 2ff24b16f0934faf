"""Values that no writer of ours would write stop no check: each is named, and so is whatever else was tampered with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sealing.conftest import Scene
from tests.sealing.test_tampering import both_logs, control, findings, history, sealed, tenant

__all__ = ["sealed"]

MOST = "18446744073709551615"
OFTEN = 200_000


def lines(scene: Scene) -> Path:
    return scene.folder / "anchors" / "default.jsonl"


def first_checkpoint(change: Callable[[list[str]], list[str]]) -> Callable[[Scene], None]:
    """The first anchor's lines, changed."""

    def edit(scene: Scene) -> None:
        first, rest = lines(scene).read_text().split("\n", 1)
        said = json.loads(first)
        said["checkpoint"] = "\n".join(change(said["checkpoint"].split("\n")))
        lines(scene).write_text(json.dumps(said) + "\n" + rest)

    return edit


def become_a_folder(scene: Scene) -> None:
    lines(scene).unlink()
    lines(scene).mkdir()


@dataclass(frozen=True)
class Planted:
    """Where the value is put, and a part of the words that name it."""

    what: str
    tenant: Sequence[str] = ()
    control: Sequence[str] = ()
    anchors: Callable[[Scene], None] | None = None


def row(change: str, what: str) -> Planted:
    return Planted(what, tenant=[f"UPDATE audit_logs SET {change} WHERE id = 5"])


def seal(change: str, what: str, number: int = 2) -> Planted:
    return Planted(what, control=[f"UPDATE audit_seals SET {change} WHERE seal_no = {number}"])


def anchor(edit: Callable[[Scene], None], what: str = "anchor 1 does not count") -> Planted:
    return Planted(what, anchors=edit)


NOTE = "split_part(checkpoint, E'\\n', 1)"
BELOW = "split_part(checkpoint, E'\\n\\n', 2)"
PLANTED = {
    "a row before all of our years": row("created_at = '0044-03-15 BC'", "created_at was altered"),
    "a row at the end of time": row("created_at = 'infinity'", "created_at was altered"),
    "a row before all time": row("created_at = '-infinity'", "created_at was altered"),
    "the last transaction on a row": row(f"xid = '{MOST}'", "xid was altered"),
    "the last transaction on a copy": Planted(
        "inserted behind the last seal", control=[f"UPDATE audit_logs SET xid = '{MOST}' WHERE source_id = 5"]
    ),
    "the last transaction on a seal": seal(f"xid_to = '{MOST}'", f"it ends at transaction {MOST}"),
    "a seal at the end of time": seal("sealed_at = 'infinity'", "does not say when it was made"),
    "a seal before all time": seal("sealed_at = '-infinity'", "does not say when it was made"),
    "a seal before all of our years": seal("sealed_at = '0044-03-15 BC'", "long before that of the seal before it"),
    "a first seal before all of our years": seal("sealed_at = '0044-03-15 BC'", "long after its seal was made", 1),
    "a root in no ASCII": seal(f"checkpoint = {NOTE} || E'\\n7\\né\\n\\n' || {BELOW}", "6 rows are not sealed"),
    "a signature in no ASCII": seal(
        "checkpoint = regexp_replace(checkpoint, '[^ ]+\\n$', E'éé\\n')", "6 rows are not sealed"
    ),
    "a size of 5,000 digits": seal(
        f"checkpoint = {NOTE} || E'\\n' || repeat('1', 5000) || E'\\nAAAA\\n\\n' || {BELOW}", "6 rows are not sealed"
    ),
    "an anchor's root in no ASCII": anchor(first_checkpoint(lambda note: [*note[:2], "é", *note[3:]])),
    "an anchor's signature in no ASCII": anchor(first_checkpoint(lambda note: [*note[:4], note[4][:-4] + "éé", ""])),
    "an anchor's size of 5,000 digits": anchor(first_checkpoint(lambda note: [note[0], "1" * 5000, *note[2:]])),
    "half a character in an anchor": anchor(first_checkpoint(lambda note: [*note[:3], "\ud800", *note[3:]])),
    "an anchor of brackets alone": anchor(lambda scene: _put(scene, "[" * OFTEN + "\n")),
    "anchors that are a folder": anchor(become_a_folder, "its anchors cannot be read"),
}


def _put(scene: Scene, text: str) -> None:
    lines(scene).write_text(text)


@pytest.mark.parametrize("name", PLANTED)
async def test_what_was_planted_is_named_and_hides_nothing(sealed: Scene, name: str) -> None:
    planted = PLANTED[name]
    await tenant(sealed, "DELETE FROM audit_logs WHERE id = 6", *planted.tenant)
    await control(sealed, *planted.control)
    if planted.anchors:
        planted.anchors(sealed)

    found = [(wrong.row, wrong.what) for wrong in await findings(sealed)]

    assert (6, "it is missing") in found
    assert any(planted.what in what for _, what in found)
    assert len(await history(sealed)) >= 1


FORGED = (
    "INSERT INTO audit_logs ({0}user_id, action, resource_type, resource_id, actor, xid, created_at)"
    " VALUES ({1}'system', 'x.approved', 'x', 'x', 'user:boss', {2}, now() + interval '{3}')"
)
NEVER, NOW = "'4611686018427387904'", "pg_current_xact_id()"


@pytest.mark.parametrize(
    ("xid", "ahead", "what"),
    [
        (NEVER, "10 minutes", "it says transaction 4611686018427387904, which has not been, and will not be sealed"),
        (NEVER, "-1 minute", "it says transaction 4611686018427387904, which has not been, and will not be sealed"),
        (NOW, "10 minutes", "which is not when it was written"),
        (NOW, "1000000 days", "which is not when it was written"),
    ],
)
async def test_a_row_that_waits_for_no_seal_is_named_without_any_trigger_touched(
    sealed: Scene, xid: str, ahead: str, what: str
) -> None:
    await sealed.owner.execute(FORGED.format("", "", xid, ahead))
    await sealed.keeper.execute(FORGED.format("tenant_id, ", "'default', ", xid, ahead))

    found = (await both_logs(sealed)).wrong

    assert [wrong.log for wrong in found] == ["control", "default"]
    assert found[1].row == 13
    assert [what in wrong.what for wrong in found] == [True, True]


async def test_a_row_of_the_moment_is_no_finding(sealed: Scene) -> None:
    await sealed.owner.execute(FORGED.format("", "", NOW, "30 seconds"))

    assert await findings(sealed) == []


LOOSE = "ALTER TABLE audit_seals DROP CONSTRAINT ck_audit_seals_leaf_count, DROP CONSTRAINT ck_audit_seals_tree_size"
BESIDE = {
    "the key": ("key_id = 'deadbeef'", 1, "does not name the one key"),
    "a second signature": ("checkpoint = checkpoint || E'\\u2014 x AAAAAAAA\\n'", 1, "does not name the one key"),
    "the time": ("sealed_at = sealed_at + interval '1 year'", 1, "does not say when it was made"),
    "the time back": ("sealed_at = sealed_at - interval '1 year'", 2, "long before that of the seal before it"),
    "how many rows": ("leaf_count = leaf_count + 1", 1, "does not say how many rows"),
    "where its rows begin": ("first_leaf = first_leaf + 1", 2, "seals between 1 and this one are missing"),
    "one byte more": ("leaf_hashes = leaf_hashes || '\\x00'", 1, "more leaf hashes than rows"),
    "the first frontier": ("frontier = ''", 1, "frontier is not that of its tree"),
    "the last frontier": ("frontier = sha256('x') || sha256('y')", 2, "frontier is not that of its tree"),
    "where it ends": ("xid_to = (xid_to::text::bigint + 100000)::text::xid8", 2, "which its database has not reached"),
}


@pytest.mark.parametrize("name", BESIDE)
async def test_what_a_seal_says_beside_its_signature_is_compared(sealed: Scene, name: str) -> None:
    change, number, what = BESIDE[name]
    await control(sealed, LOOSE, f"UPDATE audit_seals SET {change} WHERE seal_no = {number}")

    first = (await findings(sealed))[0]

    assert what in first.what
    assert first.seal == number


async def test_a_frontier_that_stops_the_sealer_is_named_by_the_check(sealed: Scene) -> None:
    await control(sealed, "UPDATE audit_seals SET frontier = sha256('x') || sha256('y') WHERE seal_no = 2")
    await sealed.live()

    assert [wrong.what for wrong in await findings(sealed)] == ["the seal's frontier is not that of its tree"]


async def test_a_seal_that_says_it_ends_later_takes_no_rows_of_the_next(sealed: Scene) -> None:
    await control(sealed, f"UPDATE audit_seals SET xid_to = '{MOST}' WHERE seal_no = 1")

    assert [(wrong.seal, wrong.what) for wrong in await findings(sealed)] == [
        (2, "its range does not begin where the seal before it ended")
    ]


@pytest.mark.parametrize("table", ["audit_seals", "audit_logs"])
async def test_a_log_of_nobodys_is_named(sealed: Scene, table: str) -> None:
    columns = {
        "audit_seals": "seal_no, epoch, after_id, xid_from, xid_to, first_leaf, leaf_count, leaf_hashes, tree_size, root,"
        " frontier, key_id, checkpoint, sealed_at",
        "audit_logs": "source_id, user_id, action, resource_type, resource_id, actor, xid, created_at",
    }[table]
    name = "log_id" if table == "audit_seals" else "tenant_id"
    await control(sealed, f"INSERT INTO {table} ({name}, {columns}) SELECT 'zzz', {columns} FROM {table}")

    found = await findings(sealed)

    assert [(wrong.log, wrong.what) for wrong in found] == [
        ("zzz", "seals or copies say that they are of this log, which no tenant has")
    ]


async def test_anchors_in_another_order_are_named(sealed: Scene) -> None:
    lines(sealed).write_text("".join(reversed(lines(sealed).read_text().splitlines(keepends=True))))

    assert [wrong.what for wrong in await findings(sealed)] == ["anchor 2 is of 6 rows and stands behind one of 12"]


async def test_an_anchor_that_a_slow_sealer_wrote_once_more_is_no_finding(sealed: Scene) -> None:
    lines(sealed).write_text(lines(sealed).read_text() + lines(sealed).read_text())

    assert await findings(sealed) == []


async def test_a_first_anchor_that_was_taken_away_is_named(sealed: Scene) -> None:
    lines(sealed).write_text(lines(sealed).read_text().split("\n", 1)[1])

    assert [(wrong.seal, wrong.row, wrong.what) for wrong in await findings(sealed)] == [
        (1, 1, "this seal is not anchored")
    ]


async def test_a_last_anchor_that_was_taken_away_is_not_hidden_by_the_seals_time(sealed: Scene) -> None:
    lines(sealed).write_text(lines(sealed).read_text().split("\n", 1)[0] + "\n")
    await control(sealed, "UPDATE audit_seals SET sealed_at = sealed_at + interval '10 years' WHERE seal_no = 2")

    found = [(wrong.seal, wrong.what) for wrong in await findings(sealed)]

    assert (2, "its seal does not say when it was made, or says a time to come") in found
