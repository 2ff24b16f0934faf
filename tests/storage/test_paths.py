"""Paths are compared, never resolved: whatever would need resolving is refused."""

from __future__ import annotations

from uuid import UUID

import pytest

from milepost.storage import InvalidPath
from milepost.storage.paths import checked, execution_artifact, execution_folder, key_of, path_of, tenant_folder

EXECUTION = UUID("0197f1c0-0000-7000-8000-000000000001")
FOLDER = f"storage/acme/executions/{EXECUTION}/"


def test_an_artifact_lies_below_its_execution_under_a_fresh_name() -> None:
    first, second = (execution_artifact("acme", EXECUTION, UUID(int=7)) for _ in range(2))

    assert first.startswith(f"{FOLDER}{UUID(int=7)}/")
    assert first != second
    assert checked(first, below=execution_folder("acme", EXECUTION)) == first
    assert path_of(key_of(first)) == first


@pytest.mark.parametrize(
    "path",
    [
        "",
        FOLDER,
        FOLDER + "../x",
        FOLDER + "./x",
        FOLDER + "a//b",
        FOLDER + "a/",
        FOLDER + "..%2fx",
        FOLDER + "%252e%252e/x",
        FOLDER + "a\\b",
        FOLDER + "C:",
        FOLDER + "a\0b",
        FOLDER + "a\nb",
        FOLDER + "a\u2215b",
        FOLDER + ".hidden",
        FOLDER + "-rf",
        FOLDER + "x" * 1024,
        "/" + FOLDER + "x",
        "storage/acme/executions/0197f1c0-0000-7000-8000-000000000002/x",
        f"storage/acme2/executions/{EXECUTION}/x",
        f"storage/ACME/executions/{EXECUTION}/x",
    ],
)
def test_a_path_that_is_not_plainly_below_its_folder_is_refused(path: str) -> None:
    with pytest.raises(InvalidPath):
        checked(path, below=FOLDER)


@pytest.mark.parametrize("tenant", ["", "..", ".", "a/b", "A", "a" * 64, "a\n"])
def test_no_tenant_id_makes_a_folder_outside_its_own(tenant: str) -> None:
    with pytest.raises(InvalidPath):
        tenant_folder(tenant)
