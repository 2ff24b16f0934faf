"""Holes in dependencies are found by the real auditor; a service that is away is neither a hole nor a clean bill."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT
from tests.servers.http import HttpServer, Reply, Request

TOOL = ROOT / "tools" / "audit_dependencies.py"
HASH = "0" * 64
LOCK = f"# pinned\nalpha==1.0 \\\n    --hash=sha256:{HASH}\nbeta==2.0 ; python_version >= '3' \\\n    --hash=sha256:{HASH}\n"
HOLE = {
    "id": "OSV-1",
    "aliases": [],
    "summary": "It is open.",
    "affected": [
        {"package": {"name": "beta", "ecosystem": "PyPI"},
         "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}]},
    ],
}  # fmt: skip


async def audited(lock: str, url: str, folder: Path) -> tuple[int | None, str]:
    path = folder / "requirements.lock"
    path.write_text(lock)
    command = [sys.executable, str(TOOL), "--lock", str(path), "--osv-url", url]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode()


async def advise(request: Request, reply: Reply) -> None:
    asked: Any = json.loads(request.body)
    found = {"vulns": [HOLE]} if asked["package"]["name"] == "beta" else {}
    await reply.send(200, {"content-type": "application/json"}, json.dumps(found).encode())


async def test_a_pinned_release_with_a_known_hole_is_an_error_that_names_it(tmp_path: Path) -> None:
    async with HttpServer(advise) as server:
        found = await audited(LOCK, f"http://127.0.0.1:{server.port}/v1/query", tmp_path)

    assert found[0] == 1, found[1]
    assert "beta 2.0: OSV-1, mended in 2.1" in found[1]


async def test_releases_without_a_known_hole_are_counted(tmp_path: Path) -> None:
    async with HttpServer(advise) as server:
        found = await audited(LOCK.split("beta", maxsplit=1)[0], f"http://127.0.0.1:{server.port}/v1/query", tmp_path)

    assert found == (0, "1 dependencies audited, 0 known holes.\n")


@pytest.mark.parametrize(("lock", "code"), [(LOCK, 3), (LOCK.replace("--hash", "# --hash"), 1)])
async def test_a_service_that_is_away_is_told_apart_from_a_lock_that_cannot_be_read(
    lock: str, code: int, tmp_path: Path
) -> None:
    found = await audited(lock, "http://127.0.0.1:1/v1/query", tmp_path)

    assert found[0] == code, found[1]
    assert ("NOT AUDITED" in found[1]) == (code == 3)
