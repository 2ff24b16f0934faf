"""The sealed audit log from the command line, on a real stack: sealed within seconds, checked, proven to outsiders."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from milepost.domain.checkpoint import Checkpoint
from milepost.tenancy.signing import SigningKey
from tests.cli.running import Said, Up, call

Milepost = Callable[..., Said]
ROOT = Path(__file__).parents[2]
WITHIN_SECONDS = 20


@pytest.fixture
def job(milepost: Milepost) -> str:
    """A job that ended, whose three rows are sealed."""
    made = milepost("submit", "execution", "Seal me.", "--wait", "--json").json["id"]
    ends = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < ends:
        said = milepost("audit", "prove", made)
        if said.code == 0 and len(said.json["rows"]) == 3:
            return made
    raise AssertionError(said)


def offline(proof: Path, keys: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(ROOT / "docs" / "check_audit_proof.py"), str(proof), str(keys)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_proof_is_checked_without_milepost(milepost: Milepost, stack: Up, job: str, tmp_path: Path):
    file, keys = tmp_path / "proof.json", tmp_path / "key.pub"
    keys.write_text(milepost("audit", "key").out)

    assert f"3 rows of {job} are proven" in milepost("audit", "prove", job, "--out", str(file)).out
    assert milepost("audit", "prove", job[-8:]).json["rows"] == json.loads(file.read_text())["rows"]
    checked = offline(file, keys)

    assert checked.stdout.startswith(f"3 rows of {job} are in the signed tree of"), checked.stderr
    actions = [json.loads(row["leaf"])["action"] for row in json.loads(file.read_text())["rows"]]
    assert actions == ["execution.created", "execution.running", "execution.completed"]


@pytest.mark.parametrize("change", ["leaf", "path", "leaf_index", "checkpoint", "another key"])
def test_a_proof_that_was_changed_is_none(milepost: Milepost, job: str, tmp_path: Path, change: str):
    file, keys = tmp_path / "proof.json", tmp_path / "key.pub"
    proof, key = milepost("audit", "prove", job).json, milepost("audit", "key").out
    changes: dict[str, Callable[[Any], None]] = {
        "leaf": lambda row: row.update(leaf=row["leaf"].replace("created", "cancelled")),
        "path": lambda row: row["path"].reverse() if len(row["path"]) > 1 else row["path"].append("00" * 32),
        "leaf_index": lambda row: row.update(leaf_index=row["leaf_index"] + 1),
        "checkpoint": lambda _: proof.update(checkpoint=proof["checkpoint"].replace("\n\n", "\nx\n\n")),
        "another key": lambda _: None,
    }
    changes[change](proof["rows"][0])
    file.write_text(json.dumps(proof))
    keys.write_text(SigningKey(bytes(32)).verifier() if change == "another key" else key)

    assert offline(file, keys).returncode != 0


def test_verify_is_content_with_a_living_stack(milepost: Milepost, job: str):
    said = milepost("audit", "verify")
    assert (said.code, said.err) == (0, "")
    assert "Everything is as it was sealed." in said.out

    told = milepost("audit", "verify", "--json").json
    assert told["clean"]
    assert {log["log"]: log["names_checked"] for log in told["logs"]} == {"default": True, "control": True}
    assert told["logs"][0]["anchors"] >= told["logs"][0]["seals"] - 1


async def test_verify_names_the_row_that_was_altered_and_exits_with_1(milepost: Milepost, stack: Up, job: str):
    owner = await asyncpg.connect(stack.note["owner_database_url"])
    row = await owner.fetchval("SELECT id FROM audit_logs WHERE resource_id = $1 AND version = 2", job)

    async def alter(attempt: int) -> None:
        async with owner.transaction():
            await owner.execute("ALTER TABLE audit_logs DISABLE TRIGGER USER")
            await owner.execute("UPDATE audit_logs SET version = $2 WHERE id = $1", row, attempt)
            for name in ("modification", "truncate"):
                await owner.execute(f"ALTER TABLE audit_logs ENABLE ALWAYS TRIGGER prevent_audit_logs_{name}")

    await alter(9)
    try:
        said = _in_a_thread(milepost, "audit", "verify")
        as_json = _in_a_thread(milepost, "audit", "verify", "--json")
    finally:
        await alter(2)
        await owner.close()

    assert said.code == as_json.code == 1
    assert (
        f"error: default row {row} (execution.running of execution {job} version 9): its version was altered"
        in said.err
    )
    assert as_json.json["wrong"][0]["row"] == row
    assert as_json.json["history"]["wrong_count"] >= 1


def _in_a_thread(milepost: Milepost, *arguments: str) -> Said:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(milepost, *arguments).result()


def test_verify_needs_neither_the_signing_key_nor_the_master_key(stack: Up, job: str, tmp_path: Path, monkeypatch):
    """Another operator: addresses, the public key and the anchors."""
    for name in ("database_url", "control_database_url", "sealer_database_url"):
        monkeypatch.setenv(f"MILEPOST_{name.upper()}", stack.note[name])
    keys = tmp_path / "keys"
    keys.write_text((stack.folder / "audit.pub").read_text())

    said = call(
        "audit", "verify", "--public-key", str(keys), "--anchors", str(stack.folder / "anchors"), "--data-dir",
        str(tmp_path / "elsewhere"),
    )  # fmt: skip

    assert (said.code, said.err) == (0, "")
    assert "without the master key" in said.out
    assert not (tmp_path / "elsewhere").exists()


def test_another_public_key_or_none_is_told(milepost: Milepost, job: str, tmp_path: Path):
    keys = tmp_path / "keys"
    keys.write_text(SigningKey(bytes(32)).verifier() + "\n")

    wrong = milepost("audit", "verify", "--public-key", str(keys))
    missing = milepost("audit", "verify", "--public-key", str(tmp_path / "nowhere"))

    assert wrong.code == 1
    assert "default row 1, leaf 0, seal 1" in wrong.err
    assert missing.code == 2
    assert "milepost audit key" in missing.err


def test_a_checkpoint_that_was_kept_must_be_in_the_log(milepost: Milepost, stack: Up, job: str, tmp_path: Path):
    anchors = stack.folder / "anchors" / "default.jsonl"
    newest = json.loads(anchors.read_text().splitlines()[-1])["checkpoint"]
    name, size = newest.split("\n")[:2]
    file = tmp_path / "kept"

    for kept in (anchors.read_text(), newest):
        file.write_text(kept)
        assert milepost("audit", "verify", "--at-least", str(file)).code == 0
    key = SigningKey(bytes.fromhex((stack.folder / "audit.key").read_text()))
    file.write_text(key.sign(Checkpoint(name, int(size) + 1000, bytes(32))))
    said = milepost("audit", "verify", "--at-least", str(file))

    assert said.code == 1
    assert f"{int(size) + 1000} rows are known to have been sealed and" in said.err


WRONG: dict[str, list[str]] = {
    "an id that is no text": ["prove", "\udcff\udcfe"],
    "a proof in a folder that is not there": ["prove", "{job}", "--out", "{folder}/nowhere/x"],
    "a binary file of public keys": ["verify", "--public-key", "{folder}/binary"],
    "a file of public keys in no ASCII": ["verify", "--public-key", "{folder}/words"],
    "an empty file of public keys": ["verify", "--public-key", "{folder}/empty"],
    "a folder as public keys": ["verify", "--public-key", "{folder}"],
    "a file as anchors": ["verify", "--anchors", "{folder}/empty"],
    "anchors that are not there": ["verify", "--anchors", "{folder}/nowhere"],
    "a kept checkpoint that is not there": ["verify", "--at-least", "{folder}/nowhere"],
    "a kept checkpoint that is none": ["verify", "--at-least", "{folder}/words"],
    "a binary kept checkpoint": ["verify", "--at-least", "{folder}/binary"],
    "a kept checkpoint that is empty": ["verify", "--at-least", "{folder}/empty"],
    "a kept checkpoint of another log": ["verify", "--at-least", "{folder}/other"],
}


@pytest.mark.parametrize("name", WRONG)
def test_what_was_asked_wrongly_is_told_in_a_line_with_a_hint(milepost: Milepost, job: str, tmp_path: Path, name: str):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\0")
    (tmp_path / "words").write_text("milepost+é+é\n")
    (tmp_path / "empty").touch()
    (tmp_path / "other").write_text(SigningKey(bytes(32)).sign(Checkpoint("milepost/x/acme", 1, bytes(32))))

    said = milepost("audit", *(word.format(job=job, folder=tmp_path) for word in WRONG[name]))

    assert (said.code, said.out) == (2, "")
    error, hint = said.err.splitlines()
    assert error.startswith("error: ")
    assert "Error:" not in error  # the name of no exception
    assert hint.startswith("  ")


def test_a_folder_as_signing_key_is_told_in_a_line_with_a_hint(milepost: Milepost, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("MILEPOST_AUDIT_SIGNING_KEY_FILE", str(tmp_path))

    said = milepost("audit", "key")

    assert said.code == 2
    assert said.err.splitlines()[0] == f"error: The key in {tmp_path} cannot be read: Is a directory."


def test_a_log_of_which_nothing_was_restored_begins_no_epoch(milepost: Milepost, job: str):
    said = milepost("audit", "restored")

    assert (said.code, said.out) == (1, "")
    assert said.err.splitlines()[0] == (
        "error: Nothing of the audit log of default was lost, and it is sealed as ever."
    )
    assert "a backup" in said.err.splitlines()[1]
    assert milepost("audit", "verify", "--json").json["logs"][0]["epochs"] == 1


def test_anchors_that_are_lost_begin_again_when_somebody_says_so(
    milepost: Milepost, job: str, tmp_path: Path, monkeypatch
):
    """In a folder of its own: the stack's anchors stay as they are."""
    folder = tmp_path / "anchors"
    monkeypatch.setenv("MILEPOST_AUDIT_ANCHORS", str(folder))
    assert "nothing is anchored" in milepost("audit", "verify").err

    begun = milepost("audit", "reanchor", "--json").json

    assert begun["default"] >= 1
    assert (folder / "default.jsonl").read_text().startswith(f'{{"seal": {begun["default"]}, ')
    assert milepost("audit", "reanchor", "--json").json["default"] is None
    assert milepost("audit", "verify").code == 0


def test_what_is_not_there_is_not_proven(milepost: Milepost):
    said = milepost("audit", "prove", "00000000-0000-7000-8000-000000000000")

    assert said.code == 3


def test_doctor_looks_at_the_seals(milepost: Milepost, job: str):
    findings = [found for found in milepost("doctor", "--json").json["findings"] if found["what"] == "sealing"]

    assert [found["result"] for found in findings] == ["ok", "ok"]


def test_no_other_process_is_given_what_only_the_sealer_may_have(stack: Up):
    for name, pid in stack.note["pids"].items():
        if name.startswith(("api", "worker")):
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"SEALER_DATABASE_URL" not in environment
            assert b"AUDIT_SIGNING_KEY" not in environment


def test_the_key_is_in_no_log(stack: Up):
    secret = (stack.folder / "audit.key").read_text().strip()

    logs = [file for file in (stack.folder / "logs").iterdir() if file.is_file()]
    assert logs
    assert [file.name for file in logs if secret in file.read_text()] == []
    assert (stack.folder / "audit.key").stat().st_mode & 0o777 == 0o600
