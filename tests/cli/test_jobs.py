"""Jobs from the command line, on a real stack: every verb, every exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from tests.cli.running import Said, Up, call

Milepost = Callable[..., Said]
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def far_away(milepost: Milepost) -> str:
    """The id of a job that waits for tomorrow."""
    return milepost("submit", "execution", "Wait for me.", "--scheduled-at", _tomorrow(), "--json").json["id"]


def _tomorrow() -> str:
    from datetime import UTC, datetime, timedelta

    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


def test_a_submitted_job_is_followed_to_its_end(milepost: Milepost):
    said = milepost("submit", "execution", "Why do birds sing? They sing to be heard.", "--wait", "--max-tokens", "50")

    assert said.code == 0, said.err
    assert "COMPLETED" in said.out
    assert "(new) → PENDING" in said.out
    assert "PENDING → RUNNING" in said.out
    assert "[offline/extract" in said.out


def test_the_json_of_a_job_is_one_document(milepost: Milepost):
    said = milepost("submit", "execution", "One. Two. Three.", "--wait", "--json")

    job = said.json
    assert (job["status"], job["phase"], job["version"], job["model"]) == (
        "COMPLETED",
        "succeeded",
        3,
        "offline/extract",
    )
    assert [step["to_status"] for step in job["status_transitions"]] == ["PENDING", "RUNNING", "COMPLETED"]


def test_the_same_idempotency_key_is_the_same_job(milepost: Milepost):
    first = milepost("submit", "execution", "Once.", "--idempotency-key", "cli-once", "--json").json
    again = milepost("submit", "execution", "Once.", "--idempotency-key", "cli-once", "--json").json
    other = milepost("submit", "execution", "Twice.", "--idempotency-key", "cli-once", "--json")

    assert (again["id"], again["replayed"]) == (first["id"], True)
    assert other.code == 4


def test_a_prompt_comes_from_a_file_too(milepost: Milepost, tmp_path: Path):
    file = tmp_path / "prompt.txt"
    file.write_text("From a file.")

    assert milepost("submit", "execution", "--file", str(file), "--json").json["prompt"] == "From a file."


def test_jobs_are_listed_and_shown(milepost: Milepost, far_away: str):
    listed = milepost("jobs", "list", "--status", "PENDING", "--json").json
    shown = milepost("jobs", "show", far_away)

    assert far_away in [job["id"] for job in listed["items"]]
    assert far_away[-8:] in milepost("jobs", "list", "--phase", "queued").out
    assert shown.code == 0
    assert "Timeline" in shown.out


@pytest.mark.parametrize("kind", ["execution", "executions"])
def test_jobs_of_a_kind_are_listed_by_either_of_its_names(milepost: Milepost, far_away: str, kind: str):
    found = milepost("jobs", "list", "--kind", kind, "--status", "PENDING", "--json").json

    assert far_away in [job["id"] for job in found["items"]]


def test_a_kind_there_is_not_is_told_with_those_there_are(milepost: Milepost):
    said = milepost("jobs", "list", "--kind", "bogus")

    assert said.code == 2
    assert "executions, images" in said.err


def test_a_job_that_has_ended_needs_no_time_to_be_watched(milepost: Milepost):
    job = milepost("submit", "execution", "Soon done.", "--wait", "--json").json

    said = milepost("jobs", "watch", job["id"], "--timeout", "0", "--json")

    assert (said.code, said.json["status"]) == (0, "COMPLETED")


def test_a_job_that_has_not_ended_is_said_to_be_open(milepost: Milepost, far_away: str):
    said = milepost("jobs", "watch", far_away, "--timeout", "0")

    assert said.code == 1
    assert "is still PENDING" in said.err


@pytest.mark.parametrize("job_id", ["../events", "../summary", "x?wait=1", "..", "\udcff"])
@pytest.mark.parametrize("verb", ["show", "watch", "cancel", "retry", "why"])
def test_what_is_no_id_is_a_job_that_is_not_there(milepost: Milepost, verb: str, job_id: str):
    said = milepost("jobs", verb, job_id)

    assert said.code == 3
    assert said.err.startswith("error: There is no job ")


@pytest.mark.parametrize("key", ["{}\n", " {} "])
def test_white_space_around_a_key_is_no_part_of_it(stack: Up, monkeypatch: pytest.MonkeyPatch, key: str):
    monkeypatch.setenv("MILEPOST_API_URL", stack.note["api_url"])
    monkeypatch.setenv("MILEPOST_API_KEY", key.format(stack.note["api_key"]))

    assert call("jobs", "list").code == 0


@pytest.mark.parametrize("key", ["{}\nX: y", "{}é", "\udcff{}"])
def test_a_key_that_is_none_is_told_in_one_line_and_not_shown(stack: Up, monkeypatch: pytest.MonkeyPatch, key: str):
    monkeypatch.setenv("MILEPOST_API_URL", stack.note["api_url"])
    monkeypatch.setenv("MILEPOST_API_KEY", key.format(stack.note["api_key"]))

    said = call("jobs", "list")

    assert said.code == 2
    assert said.err.startswith("error: The API key holds characters that no key has.")
    assert stack.note["api_key"] not in said.err


def test_a_refusal_is_told_once(milepost: Milepost):
    said = milepost("submit", "execution", "x", "--max-tokens", "0", "--priority", "1000")

    assert len(said.err.splitlines()) == 2
    assert said.err.count("/max_tokens") == said.err.count("/priority") == 1


def test_why_says_when_a_waiting_job_is_due(milepost: Milepost, far_away: str):
    assert milepost("jobs", "why", far_away, "--json").json["reason"] == "not_due"
    assert "due" in milepost("jobs", "why", far_away).out


def test_a_job_is_cancelled_and_a_retry_keeps_its_time_and_says_so(milepost: Milepost, far_away: str):
    cancelled = milepost("jobs", "cancel", far_away, "--reason", "not now", "--json")
    refused = milepost("jobs", "retry", far_away, "--version", "1")
    retried = milepost("jobs", "retry", far_away)
    now = milepost("jobs", "show", far_away, "--json").json

    assert (cancelled.code, cancelled.json["status"]) == (0, "CANCELLED")
    assert refused.code == 4
    assert retried.code == 0
    assert f"It keeps its time: due in 24 h, at {now['scheduled_at'][:19].replace('T', ' ')} UTC." in retried.out
    assert (now["status"], now["scheduled_at"]) == ("PENDING", cancelled.json["scheduled_at"])


def test_a_finished_job_cannot_be_retried(milepost: Milepost):
    job = milepost("submit", "execution", "Done is done.", "--wait", "--json").json

    said = milepost("jobs", "retry", job["id"])

    assert said.code == 4
    assert said.err.startswith("error: ")


@pytest.mark.parametrize("verb", ["show", "watch", "cancel", "retry", "why"])
def test_a_job_that_is_not_there_is_exit_code_3(milepost: Milepost, verb: str):
    said = milepost("jobs", verb, NOBODY)

    assert said.code == 3
    assert len(said.err.splitlines()) <= 2
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("submit", "execution"),
        ("submit", "execution", ""),
        ("submit", "nothing", "x"),
        ("submit", "execution", "x", "--colour", "red"),
        ("submit", "execution", "x", "y"),
        ("submit", "execution", "x", "--max-tokens", "0"),
        ("submit", "execution", "x", "--model", "no-such-model"),
        ("submit", "execution", "--file", "/no/such/file"),
        ("jobs", "list", "--status", "NOWHERE"),
        ("jobs", "list", "--limit", "0"),
        ("jobs", "frobnicate"),
    ],
)
def test_what_makes_no_sense_is_exit_code_2(milepost: Milepost, arguments: tuple[str, ...]):
    said = milepost(*arguments)

    assert said.code == 2, said
    assert "Traceback" not in said.err


def test_no_stack_is_exit_code_5(tmp_path: Path, stack: Up):
    note = {**stack.note, "api_url": "http://127.0.0.1:9"}
    (tmp_path / "milepost.json").write_text(json.dumps(note))

    said = call("jobs", "list", "--data-dir", str(tmp_path))

    assert said.code == 5
    assert "does not answer" in said.err


def test_a_key_works_until_it_is_revoked(milepost: Milepost):
    made = milepost("keys", "create", "for reading", "--scope", "job:read", "--days", "1", "--json").json
    listed = milepost("keys", "list", "--json").json
    revoked = milepost("keys", "revoke", made["id"], "--json").json

    assert made["key"].startswith("sk_")
    assert made["key"] not in json.dumps(listed)
    assert made["id"] in [row["id"] for row in listed]
    assert revoked["status"] == "revoked"
    assert milepost("keys", "revoke", NOBODY).code == 3
    assert UUID(made["user_id"])


def test_a_key_gets_no_scope_that_its_users_role_forbids(milepost: Milepost):
    said = milepost("keys", "create", "too much", "--scope", "spell:publish")

    assert said.code != 0
    assert said.out == ""


def test_verify_finds_everything_in_order(milepost: Milepost):
    said = milepost("verify", "--json")

    assert said.code == 0, said.err
    assert (said.json["clean"], said.json["wrong"]) == (True, [])
    assert said.json["transitions"] >= said.json["jobs"] > 0


def test_doctor_finds_a_fresh_stack_healthy(milepost: Milepost):
    said = milepost("doctor", "--json")

    assert said.code == 0, said
    results = {(finding["what"], finding["result"]) for finding in said.json["findings"]}
    assert {what for what, result in results if result == "ok"} >= {
        "stack", "postgres", "guards", "role", "maintenance", "migrations", "redis", "keys", "workers", "storage", "api",
    }  # fmt: skip
    assert [what for what, result in results if result == "warn"] == ["providers"]


def test_doctor_without_a_stack_says_what_is_missing(tmp_path: Path):
    said = call("doctor", "--data-dir", str(tmp_path))

    assert said.code == 1
    assert "database_url is missing" in said.out
    assert "Traceback" not in said.err


def test_migrate_is_safe_to_repeat(milepost: Milepost):
    assert milepost("migrate", "--json").json == milepost("db", "migrate", "--json").json


def test_a_kind_that_has_a_migration_gets_no_second_one(milepost: Milepost):
    assert call("db", "generate", "execution").code == 4
