"""What `milepost doctor` says of a stack that is gone and of guards that are off, and that its advice mends them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from milepost.cli.extras import libraries
from milepost.cli.guard_mends import mend_of
from milepost.db.tenants import TenantDatabase
from milepost.engine.guards_check import look_at_guards
from milepost.kinds import all_kinds
from tests.cli.running import Up, call, new_folder

OFF = {
    "ALTER TABLE executions DISABLE TRIGGER guard_executions": "ALTER TABLE executions ENABLE ALWAYS TRIGGER",
    "INSERT INTO legal_transitions VALUES ('execution', 'COMPLETED', 'PENDING', 'queued')": "DELETE FROM",
    "INSERT INTO legal_transitions VALUES ('execution', '', 'COMPLETED', 'succeeded')": "from_status = ''",
    "DELETE FROM legal_transitions WHERE job_kind = 'execution' AND to_status = 'FAILED'": "INSERT INTO",
}


@pytest.mark.parametrize(("done", "told"), OFF.items())
async def test_what_somebody_changed_by_hand_is_mended_by_the_advice(
    database: TenantDatabase, owner: Any, done: str, told: str
):
    await owner.execute(done)
    problems = (await look_at_guards(database, all_kinds())).problems

    mends = [mend_of(problem, newest=True) for problem in problems]
    for mend in mends:
        await owner.execute(mend.removeprefix("As the owner: "))

    assert problems
    assert all(told in mend and "milepost migrate" not in mend for mend in mends)
    assert (await look_at_guards(database, all_kinds())).problems == ()


async def test_a_trigger_that_is_gone_may_be_one_that_a_migration_brings(database: TenantDatabase, owner: Any):
    await owner.execute("DROP TRIGGER guard_executions ON executions")
    (problem,) = (await look_at_guards(database, all_kinds())).problems

    assert mend_of(problem, newest=False).startswith("'milepost migrate'")
    assert mend_of(problem, newest=True).startswith("As the owner: CREATE TRIGGER guard_executions")


@pytest.mark.parametrize("extra", ["images", "llm"])
def test_an_extra_that_is_not_installed_is_named_with_what_is_missing_without_it(
    extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    name = next(libraries(extra, metadata.requires("milepost") or ()))
    monkeypatch.setattr(metadata, "version", _without(name))

    said = call("doctor", "--json", "--data-dir", str(tmp_path))

    (finding,) = [finding for finding in said.json["findings"] if finding["what"] == "extras"]
    assert (finding["result"], finding["mend"]) == ("warn", f"pip install 'milepost[{extra}]'")
    assert f"milepost[{extra}] is not installed here" in finding["told"]


def _without(hidden: str) -> Callable[[str], str]:
    """The libraries of this machine but one."""
    real = metadata.version

    def version(name: str) -> str:
        if name == hidden:
            raise metadata.PackageNotFoundError(name)
        return real(name)

    return version


def test_what_the_self_test_could_forge_is_told_with_what_to_look_at():
    assert "make it again from migrations/" in mend_of("UPDATE of audit_logs was not refused", newest=True)


def stack_findings(folder: Path) -> list[dict[str, Any]]:
    said = call("doctor", "--json", "--data-dir", str(folder))
    return [finding for finding in said.json["findings"] if finding["what"] == "stack"]


@pytest.mark.faults
@pytest.mark.timeout(180)
def test_a_stack_whose_process_was_killed_is_not_called_well():
    with new_folder() as folder:
        with Up(folder) as up:
            (alive,) = stack_findings(folder)
            up.process.send_signal(signal.SIGKILL)
            up.process.communicate()

            (dead,) = stack_findings(folder)

        assert alive["result"] == "ok"
        assert dead["result"] == "fail"
        assert f"process {up.process.pid}" in dead["told"]
        assert "'milepost up'" in dead["mend"]


def test_a_folder_without_a_stack_is_told_to_be_one(tmp_path: Path):
    (finding,) = stack_findings(tmp_path)

    assert (finding["result"], finding["mend"]) == ("warn", "'milepost up' starts one there.")
