"""A tenant with its control database, a sealer with its key and anchors, and a superuser who tampers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from milepost.db.tenants import TenantDatabase, open_database
from milepost.domain.job import Job
from milepost.domain.pseudonym import Veil
from milepost.engine.seal import Log, Sealer
from milepost.storage.anchors import AnchorFiles
from milepost.tenancy.signing import PublicKeys, SigningKey
from tests.db_fixtures import OPTIONS, Urls
from tests.engine import lives

INSTALLATION = "here"
# how long each way of tampering took to be found; None where it was not
FOUND = pytest.StashKey[dict[str, float | None]]()


@pytest.fixture
def found_after(request: pytest.FixtureRequest) -> dict[str, float | None]:
    """By the name of the tampering, for the end of the run."""
    return request.config.stash.setdefault(FOUND, {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not (tried := config.stash.get(FOUND, {})):
        return
    seconds = [took for took in tried.values() if took is not None]
    terminalreporter.section("tampering with the sealed audit log")
    for name, took in sorted(tried.items()):
        terminalreporter.line(f"{name:<45} " + ("NOT FOUND" if took is None else f"found in {took * 1000:.0f} ms"))
    slowest = f", the slowest in {max(seconds) * 1000:.0f} ms" if seconds else ""
    terminalreporter.line(f"{len(seconds)}/{len(tried)} found and named{slowest}")


@dataclass(eq=False)
class Scene:
    """Everything that a test of sealing needs at hand. `owner` and `keeper` are superusers of the two databases."""

    tenant: TenantDatabase
    control: TenantDatabase
    owner: Any
    keeper: Any
    key: SigningKey
    anchors: AnchorFiles
    folder: Path
    sealer: Sealer
    log: Log

    @property
    def keys(self) -> PublicKeys:
        return PublicKeys([self.key.public])

    def another_sealer(self, *, key: SigningKey | None = None, folder: Path | None = None) -> Sealer:
        anchors = AnchorFiles(folder) if folder else self.anchors
        return Sealer(self.control, key or self.key, anchors, installation=INSTALLATION)

    async def live(self, jobs: int = 1) -> list[Job]:
        """Jobs that ran to their ends: three audit rows each."""
        return [await lives.finished(self.tenant) for _ in range(jobs)]

    async def seal(self, **how: Any) -> int:
        return await self.sealer.seal(self.log, **how)

    async def rows(self) -> list[Any]:
        return await self.owner.fetch("SELECT * FROM audit_logs ORDER BY xid, id")

    async def seals(self) -> list[Any]:
        return await self.keeper.fetch("SELECT * FROM audit_seals WHERE log_id = 'default' ORDER BY seal_no")

    async def copies(self) -> list[Any]:
        return await self.keeper.fetch("SELECT * FROM audit_logs ORDER BY xid, source_id")


@pytest.fixture
async def keeper(control_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(control_url)
    yield connection
    await connection.close()


@pytest.fixture
async def scene(urls: Urls, owner: Any, control_url: str, keeper: Any, tmp_path: Path) -> AsyncIterator[Scene]:
    tenant = await open_database("default", urls.maintenance, OPTIONS)
    control = await open_database("control", control_url, OPTIONS)
    key, anchors = SigningKey(bytes(range(32))), AnchorFiles(tmp_path / "anchors")
    sealer = Sealer(control, key, anchors, installation=INSTALLATION)
    log = Log("default", tenant, Veil(b"a tenant's key").over)
    yield Scene(tenant, control, owner, keeper, key, anchors, tmp_path, sealer, log)
    await tenant.close()
    await control.close()
