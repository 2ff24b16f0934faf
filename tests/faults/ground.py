"""The servers that faults are done to, and a prepared database to clone: one for the whole room."""

from __future__ import annotations

import asyncio
import shutil
from itertools import count
from pathlib import Path

import asyncpg

from milepost.db.roles import APP, MAINTENANCE, SEALER
from milepost.db.urls import login_of, with_database, with_login
from milepost.embedded import EmbeddedPostgres, EmbeddedRedis
from milepost.tenancy.first_start import Addresses, Plan, make_ready
from milepost.tenancy.install import Login, prepare_database
from tests.faults import holders

MASTER_KEY = "5e" * 32
TEMPLATE, CONTROL = "milepost_faults", "milepost_control"
numbers = count()

# A worker's claim or finish of a marked job stands still between its write and its commit for as long as somebody holds
# the lock of that status.
GATE = """
CREATE FUNCTION fault_gate() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock(hashtext(NEW.status)); RETURN NULL; END $$;
CREATE TRIGGER fault_gate AFTER UPDATE OF status ON executions FOR EACH ROW
    WHEN (NEW.prompt LIKE '%[[gate]]%') EXECUTE FUNCTION fault_gate()"""


class Ground:
    """PostgreSQL with its own durability, and Valkey. Both keep their ports when they are started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = EmbeddedPostgres(folder / "postgres")
        self.redis = EmbeddedRedis(folder / "redis")
        self.addresses: Addresses

    def prepare(self) -> None:
        self.start()
        asyncio.run(self.make_ready())

    def start(self) -> None:
        self.postgres.start()
        self.redis.start()
        self.redis_url = self.redis.url

    async def make_ready(self) -> None:
        owner = self.postgres.owner_url
        plan = Plan(
            owner_url=with_database(owner, TEMPLATE),
            control_owner_url=with_database(owner, CONTROL),
            app_password="app",
            maintenance_password="maintenance",
            sealer_password="sealer",
        )
        self.addresses = await make_ready(plan, bytes.fromhex(MASTER_KEY))
        await _execute(plan.owner_url, GATE + ";" + holders.INSTALL)

    def end(self) -> None:
        self.redis.stop()
        self.postgres.stop()

    async def clone(self) -> Addresses:
        """A fresh tenant database and its control database: the seals of one audit log are no other's."""
        number, a = next(numbers), self.addresses
        owner, control = await self._copy(TEMPLATE, f"faults_{number}"), await self._copy(CONTROL, f"control_{number}")
        app, maintenance = (with_login(owner, *login_of(url)) for url in (a.app, a.maintenance))
        reader, sealer = (with_login(control, *login_of(url)) for url in (a.control, a.sealer))
        return Addresses(owner, app, maintenance, control, reader, sealer=sealer)

    async def _copy(self, template: str, name: str) -> str:
        """Answers the owner's address of it."""
        a = self.addresses
        roles = ((a.app, APP), (a.maintenance, MAINTENANCE), (a.sealer, SEALER))
        await _execute(with_database(a.owner, "postgres"), f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        await prepare_database(
            with_database(a.owner, name), tuple(Login(login_of(url)[0], role) for url, role in roles)
        )
        return with_database(a.owner, name)

    def stop_redis(self) -> int:
        """It ends and everything it knew is gone. Answers its port."""
        port = self.redis.port
        self.redis.stop()
        shutil.rmtree(self.folder / "redis" / "appendonlydir")
        return port

    def start_redis(self, port: int) -> None:
        self.redis = EmbeddedRedis(self.folder / "redis", port=port)
        self.redis.start()


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
