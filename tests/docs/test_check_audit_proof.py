"""The script for outsiders takes proofs that hold, of every leaf of trees of every shape, and nothing else."""

from __future__ import annotations

import base64
import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from milepost.domain.checkpoint import Checkpoint
from milepost.domain.merkle import Tree, leaf_hash
from milepost.engine.audit.prove import FORMAT
from milepost.tenancy.signing import SigningKey
from tests.docs.pages import ROOT

SCRIPT = ROOT / "docs" / "check_audit_proof.py"
LOG = "milepost/here/default"
KEY = SigningKey(bytes(32))
ROWS = 11


@dataclass(frozen=True)
class Said:
    """`code`: as the shell sees it."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Check:
    """The script, in this process: an exception that it does not catch fails the test."""

    folder: Path
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def __call__(self, proof: Any, keys: str = KEY.verifier()) -> Said:
        """On a proof, or on the bytes of one."""
        file, key_file = self.folder / "proof.json", self.folder / "key.pub"
        file.write_bytes(proof if isinstance(proof, bytes) else json.dumps(proof).encode())
        key_file.write_text(keys)
        return self.called(str(file), str(key_file))

    def called(self, *arguments: str) -> Said:
        self.patch.setattr(sys, "argv", [str(SCRIPT), *arguments])
        code: Any = 0
        try:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        except SystemExit as end:
            code = end.code
        out, err = self.capture.readouterr()
        return Said(1, out, f"{code}\n") if isinstance(code, str) else Said(code, out, err)


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    return Check(tmp_path, monkeypatch, capsys)


def leaf(number: int) -> str:
    return json.dumps({"id": str(number), "resource_id": "a job"})


def proof_of(*indexes: int, size: int = ROWS, key: SigningKey = KEY) -> Any:
    tree = Tree(b"".join(leaf_hash(leaf(number).encode()) for number in range(size)))
    rows = [
        {"leaf_index": index, "leaf": leaf(index), "path": [step.hex() for step in tree.inclusion(index)]}
        for index in indexes
    ]
    note = key.sign(Checkpoint(LOG, size, tree.root()))
    return {"format": FORMAT, "log": LOG, "resource": "a job", "checkpoint": note, "rows": rows}


def refused(said: Said) -> bool:
    return said.code == 1 and said.out == "" and said.err.startswith("not a proof: ") and said.err.count("\n") == 1


def test_every_leaf_of_a_tree_of_any_shape_is_proven(check: Check) -> None:
    for size in range(1, 18):
        said = check(proof_of(*range(size), size=size))
        assert (said.code, said.out) == (0, f"{size} rows of a job are in the signed tree of {size} rows\n")


def test_a_leaf_is_proven_at_its_own_place_alone(check: Check) -> None:
    for size in (1, 5, 8):
        for index in range(size):
            proof = proof_of(index, size=size)
            for other in {*range(-1, size + 2), *(index + far for far in (-32, -16, -8, 8, 16, 32, 64))}:
                proof["rows"][0]["leaf_index"] = other
                assert refused(check(proof)) == (other != index), (size, index, other)


def test_a_path_of_another_length_proves_nothing(check: Check) -> None:
    for index in range(ROWS):
        proof = proof_of(index)
        path = proof["rows"][0]["path"]
        for other in (path[:-1], path[1:], [*path, "00" * 32], [*path, ""], [], ["".join(path)]):
            proof["rows"][0]["path"] = other
            assert refused(check(proof)), (index, other)


def test_the_root_itself_is_no_leaf(check: Check) -> None:
    proof = proof_of(0, size=2)
    proof["rows"][0].update(leaf="", path=[])

    assert refused(check(proof))


Change = Callable[[Any], object]
CHANGES: dict[str, Change] = {
    "no rows": lambda proof: proof.update(rows=[]),
    "rows that are none": lambda proof: proof.update(rows={}),
    "a row that is none": lambda proof: proof["rows"].append(1),
    "a row twice": lambda proof: proof["rows"].append(proof["rows"][0]),
    "another format": lambda proof: proof.update(format="evil/9"),
    "another log": lambda proof: proof.update(log="milepost/here/other"),
    "another job": lambda proof: proof.update(resource="another job"),
    "a row of another job": lambda proof: proof["rows"][0].update(leaf=leaf(3).replace("a job", "b job")),
    "an index that is a truth": lambda proof: proof["rows"][1].update(leaf_index=True),
    "an index with a point": lambda proof: proof["rows"][1].update(leaf_index=1.0),
    "an index in quotes": lambda proof: proof["rows"][1].update(leaf_index="1"),
    "no hex": lambda proof: proof["rows"][0]["path"].insert(0, "zz"),
    "numbers for a path": lambda proof: proof["rows"][0].update(path=[1, 2, 3, 4]),
    "no path": lambda proof: proof["rows"][0].update(path=None),
    "half a character": lambda proof: proof["rows"][0].update(leaf="\ud800"),
    "a leaf that is a number": lambda proof: proof["rows"][0].update(leaf=1),
    "an empty checkpoint": lambda proof: proof.update(checkpoint=""),
    "a checkpoint that is none": lambda proof: proof.update(checkpoint="\n\n\n\n"),
    "a checkpoint that is a number": lambda proof: proof.update(checkpoint=1),
    "a checkpoint without signature": lambda proof: proof.update(checkpoint=proof["checkpoint"].split("—")[0]),
    "a signature that is no base64": lambda proof: proof.update(checkpoint=proof["checkpoint"][:-3] + "?\n"),
    "a signature that is too short": lambda proof: proof.update(checkpoint=proof["checkpoint"][:-45] + "\n"),
    "a forged signature": lambda proof: proof.update(checkpoint=forged(proof["checkpoint"])),
    "a larger tree": lambda proof: proof.update(checkpoint=proof["checkpoint"].replace(f"\n{ROWS}\n", "\n999\n")),
    "a size of many digits": lambda proof: proof.update(
        checkpoint=proof["checkpoint"].replace(f"\n{ROWS}\n", f"\n{'9' * 5000}\n")
    ),
    "another's signature": lambda proof: proof.update(checkpoint=proof_of(0, key=SigningKey(b"1" * 32))["checkpoint"]),
    **{f"no {name}": lambda proof, name=name: proof.pop(name) for name in proof_of(0)},
    **{f"a row without {name}": lambda proof, name=name: proof["rows"][0].pop(name) for name in proof_of(0)["rows"][0]},
}


def forged(note: str) -> str:
    text, _, signature = note.rpartition(" ")
    raw = bytearray(base64.b64decode(signature))
    raw[-1] ^= 1
    return f"{text} {base64.b64encode(raw).decode()}\n"


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_proof_is_refused_in_one_line(check: Check, name: str) -> None:
    proof = proof_of(0, 1, 7)
    assert check(proof).code == 0

    CHANGES[name](proof)

    assert refused(check(proof))


def test_what_is_no_json_object_is_refused_in_one_line(check: Check) -> None:
    for text in (b"", b"{", b"[]", b"null", b"1", b'"a"', b"\xff\xfe", b"[" * 100_000, b"9" * 5000, b"\x00"):
        assert refused(check(text)), text[:10]


def test_a_key_file_must_hold_keys_and_that_of_the_log_among_them(check: Check) -> None:
    other = SigningKey(b"1" * 32).verifier()

    assert check(proof_of(0), f"{other}\n{KEY.verifier()}\n").code == 0
    for keys in ("", other, "garbage", "a+b+c", "a+b", f"{KEY.verifier()}\ngarbage", KEY.verifier()[:-4], "\x00"):
        assert refused(check(proof_of(0), keys)), keys


def test_files_that_are_not_there_are_named_and_other_calls_explained(check: Check, tmp_path: Path) -> None:
    assert refused(check.called(str(tmp_path / "nothing"), str(tmp_path / "nothing")))
    assert refused(check.called(str(tmp_path), str(tmp_path)))
    for arguments in ((), ("a",), ("a", "b", "c")):
        said = check.called(*arguments)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith("usage: ")


def test_a_shell_sees_the_same(tmp_path: Path) -> None:
    file, keys = tmp_path / "proof.json", tmp_path / "key.pub"
    file.write_text(json.dumps(proof_of(3) | {"rows": []}))
    keys.write_text(KEY.verifier())

    said = subprocess.run([sys.executable, "-I", str(SCRIPT), str(file), str(keys)], capture_output=True, check=False)

    assert (said.returncode, said.stdout, said.stderr) == (1, b"", b"not a proof: it has no rows\n")
