"""What `milepost up` leaves in its folder, says, and refuses."""

from __future__ import annotations

import json
import shlex
import stat
from pathlib import Path

import httpx2
import pytest

from milepost.db.urls import login_of
from milepost.kinds import all_kinds
from tests.cli.running import Up, call

SECRETS = ("milepost.json", "development.key", "logins.json", "master.key", "audit.key")


def test_it_says_where_it_is_and_with_which_key(stack: Up):
    assert stack.note["api_url"] in stack.greeting
    assert stack.note["api_key"] in stack.greeting
    assert "A new master key was written to" in stack.greeting


def test_it_says_what_it_does_while_it_starts_a_line_a_stage(stack: Up):
    stages = stack.greeting.partition("\nMilepost is up.")[0].splitlines()

    assert [stage.split(",")[0].split(":")[0] for stage in stages] == [
        "Starting PostgreSQL", "Starting Redis", "Preparing the databases", "Starting the processes",
    ]  # fmt: skip
    assert all(f"worker-{kind.path}" in stages[3] for kind in all_kinds())


def test_it_prints_what_a_shell_needs_to_know(stack: Up):
    exports = [shlex.split(line)[1] for line in stack.greeting.splitlines() if line.startswith("export ")]

    assert dict(line.split("=", 1) for line in exports) == {"API": stack.note["api_url"], "KEY": stack.note["api_key"]}


def test_its_logs_hold_no_colours(stack: Up):
    logs = {file.name: file.read_text() for file in (stack.folder / "logs").iterdir()}

    assert "Started server process" in logs["api.log"]
    assert not [name for name, text in logs.items() if "\x1b" in text or "\\x1b" in text]


def test_what_it_says_to_try_finds_it_where_it_is(stack: Up):
    (line,) = [line for line in stack.greeting.splitlines() if line.startswith("Try: ")]

    _, *words = shlex.split(line.removeprefix("Try: "))

    assert words[-2:] == ["--data-dir", str(stack.folder)]
    assert call(*words).code == 0


@pytest.mark.parametrize("below", ["", "folder"])
def test_a_data_folder_that_is_a_file_is_told_in_one_line(tmp_path: Path, below: str):
    (tmp_path / "file").write_text("")

    said = call("up", "--port", "0", "--data-dir", str(tmp_path / "file" / below))

    assert said.code == 2
    assert "cannot be a data folder" in said.err
    assert "Error" not in said.err


def test_the_note_names_every_server_and_process_once(stack: Up):
    note = stack.note

    assert set(note) == {
        "api_url", "api_key", "redis_url", "database_url", "maintenance_database_url", "owner_database_url",
        "control_database_url", "control_owner_database_url", "sealer_database_url", "data_dir", "pids",
    }  # fmt: skip
    workers = {f"worker-{kind.path}" for kind in all_kinds()}
    assert set(note["pids"]) == {"up", "postgres", "redis", "api", "maintenance", *workers}
    assert note["pids"]["up"] == stack.process.pid
    assert all(Path(f"/proc/{pid}").exists() for pid in note["pids"].values())


def test_it_believes_nobody_who_says_that_he_is_a_proxy(stack: Up):
    answer = httpx2.get(f"{stack.note['api_url']}/healthz", headers={"X-Forwarded-Proto": "https"})

    assert answer.status_code == 200
    assert "strict-transport-security" not in answer.headers


def test_every_secret_is_for_its_owner_alone(stack: Up):
    modes = {name: stat.S_IMODE((stack.folder / name).stat().st_mode) for name in SECRETS}

    assert modes == dict.fromkeys(SECRETS, 0o600)


def test_no_process_carries_a_secret_where_the_process_list_shows_it(stack: Up):
    note = json.dumps(stack.note)
    secrets = {part for url in json.loads(note).values() if isinstance(url, str) for part in _passwords(url)}
    secrets.add(stack.note["api_key"])

    lines = [Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in stack.note["pids"].values()]

    assert len(secrets) >= 5
    assert not [line for line in lines if any(secret in line for secret in secrets)]


def _passwords(url: str) -> list[str]:
    login = url.partition("://")[2].rpartition("@")[0]
    return [login.partition(":")[2]] if ":" in login else []


def test_a_second_one_on_the_same_folder_is_refused_and_harms_nothing(stack: Up):
    said = call("up", "--data-dir", str(stack.folder), "--port", "0")

    assert said.code == 4
    assert f"is in use by process {stack.process.pid}" in said.err
    assert "Traceback" not in said.err
    assert stack.note["pids"]["up"] == stack.process.pid


def test_a_named_port_that_is_taken_is_refused(stack: Up, tmp_path: Path):
    tmp_path.chmod(0o755)
    port = stack.note["api_url"].rpartition(":")[2]

    said = call("up", "--data-dir", str(tmp_path / "other"), "--port", port)

    assert said.code == 5
    assert f"Port {port} on 127.0.0.1 is taken" in said.err
    assert not (tmp_path / "other" / "postgres").exists(), "told before any server was started"


def test_children_are_not_told_the_owners_address(stack: Up):
    for name in ("api", "worker-executions", "maintenance"):
        environment = Path(f"/proc/{stack.note['pids'][name]}/environ").read_bytes()

        assert b"OWNER_DATABASE_URL" not in environment
        assert login_of(stack.note["owner_database_url"])[1].encode() not in environment
