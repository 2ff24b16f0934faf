"""Failover to a standby, and back: every process says what is wrong meanwhile, and recovers by itself within ten seconds.

The processes are real, and so is the standby. Behind one name, and with both hosts in the address.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx2
import orjson
import pytest
import pytest_asyncio

from milepost.db.tenants import DatabaseOptions, TenantDatabase, open_database
from milepost.engine.verify import verify
from milepost.kinds import all_kinds
from milepost.kinds.executions import KIND
from tests.factories import new_execution
from tests.faults.breakages import product
from tests.faults.ground import Ground
from tests.faults.site import OFFLINE, Figure, Site, eventually, open_site
from tests.faults.standby import Standby
from tests.servers.messages_api import ModelServer
from tests.servers.proxy import Proxy, proxy

BOUND = 10.0
ROLES = ("owner", "app", "maintenance", "control_owner", "control", "sealer")
pytestmark = pytest.mark.timeout(300)


@dataclass
class Pair:
    """Two servers, the second of which follows the first."""

    ground: Ground
    standby: Standby

    @property
    def ports(self) -> tuple[int, int]:
        return self.ground.postgres.port, self.standby.port


@pytest.fixture
def pair() -> Iterator[Pair]:
    folder = Path(tempfile.mkdtemp(prefix="milepost-failover-"))
    folder.chmod(0o755)
    ground = Ground(folder)
    try:
        ground.prepare()
        standby = Standby(folder / "standby", ground.postgres)
        standby.start()
        yield Pair(ground, standby)
        standby.stop()
    finally:
        ground.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture
async def site(pair: Pair, figure: Figure, tmp_path: Path) -> AsyncIterator[Site]:
    async with ModelServer() as models, open_site(pair.ground, models, tmp_path, figure) as made:
        yield made


@pytest.fixture(autouse=True)
def clean() -> None:
    """Every test here has servers of its own."""


@dataclass
class Scene:
    """The installation, its processes, and both servers as somebody sees them who asks them directly."""

    site: Site
    http: httpx2.AsyncClient
    databases: tuple[TenantDatabase, TenantDatabase]
    owners: list[Any]
    how: str
    environment: dict[str, str] = field(default_factory=dict[str, str])

    async def submit(self) -> httpx2.Response:
        return await self.http.post("/v1/executions", json={"prompt": "Bees. Hives.", "model": OFFLINE})

    async def doctor(self) -> list[dict[str, str]]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *product(None), "doctor", "--json",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=self.environment,
        )  # fmt: skip
        out, _ = await process.communicate()
        return orjson.loads(out)["findings"]

    async def recover(self, place: int, since: float, what: str) -> None:
        """Every process at work on that server, each with the seconds since `since`."""
        owner, database = self.owners[place], self.databases[place]
        before = await owner.fetchval("SELECT now()")
        new = await database.ledger.submit(KIND.table, new_execution())
        lost = await database.ledger.claim(KIND.table, [(new.job.id, 1)], "a-ghost", 0.001)
        assert len(lost.jobs) == 1

        async def seen(sql: str) -> float:
            async def there() -> bool:
                return bool(await owner.fetchval(sql, before))

            await eventually(there, 60)
            return time.monotonic() - since

        async def accepted() -> float:
            async def there() -> bool:
                return (await self.submit()).status_code == 202

            await eventually(there, 60, every=0.05)
            return time.monotonic() - since

        by = (
            "SELECT count(*) FROM status_transitions WHERE transitioned_at > $1 AND actor <> 'worker:a-ghost'"
            " AND actor LIKE '{}:%' AND reason = '{}'"
        )
        found = await asyncio.gather(
            accepted(),
            seen(by.format("worker", "claimed")),
            seen(by.format("maintenance", "lease_expired")),
            seen("SELECT expires_at > $1::timestamptz + interval '6 seconds' FROM leaders WHERE duty = 'maintenance'"),
        )
        names = ("API: first accepted submit", "worker: first claim", "maintenance: first rescue", "maintenance: leads")
        for name, seconds in zip(names, found, strict=True):
            self.site.figure(f"{self.how}, {what}, {name}", seconds, bound=BOUND)


def through(url: str, *ports: int, parameters: str = "") -> str:
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return urlunsplit((parts.scheme, f"{login}@{hosts}", parts.path, parameters, ""))


@pytest_asyncio.fixture
async def opened(site: Site, pair: Pair) -> AsyncIterator[Callable[..., Awaitable[Scene]]]:
    """Starts the processes at these ports."""
    async with AsyncExitStack() as stack:

        async def start(how: str, *ports: int, parameters: str = "") -> Scene:
            direct = site.addresses
            databases = [
                await open_database("default", through(direct.app, port), DatabaseOptions()) for port in pair.ports
            ]
            pools: Any = [asyncpg.create_pool(through(direct.owner, port), min_size=0) for port in pair.ports]
            owners = [await pool for pool in pools]
            for database, owner in zip(databases, owners, strict=True):
                stack.push_async_callback(database.close)
                stack.callback(owner.terminate)
            site.addresses = replace(
                direct, **{role: through(getattr(direct, role), *ports, parameters=parameters) for role in ROLES}
            )
            key = {"Authorization": f"Bearer {await site.key()}"}
            http = await stack.enter_async_context(httpx2.AsyncClient(base_url=site.url, timeout=10, headers=key))
            environment = site.environment(api_url=site.url)
            scene = Scene(site, http, (databases[0], databases[1]), owners, how, environment)
            await asyncio.gather(site.api(), site.worker(), site.maintenance())
            await scene.recover(0, time.monotonic(), "at first")
            return scene

        yield start


async def says_that(scene: Scene, told: str) -> None:
    """Every face of the installation while its database only reads."""

    async def unready() -> bool:
        answer = await scene.http.get("/readyz")
        return answer.status_code == 503 and told in answer.text

    async def down() -> bool:
        return 'milepost_up{server="postgresql"} 0.0' in (await scene.http.get("/metrics")).text

    await eventually(unready, 30, every=0.2)
    await eventually(down, 30, every=0.2)
    refused = await scene.submit()
    assert refused.status_code == 503, refused.text
    assert refused.headers["retry-after"].isdigit()
    assert told in refused.json()["detail"]
    findings = await scene.doctor()
    [failed] = [one for one in findings if one["what"] == "postgres" and one["result"] == "fail"]
    assert told in failed["told"]
    assert failed["mend"]


async def follows(scene: Scene) -> None:
    """Until the standby has all that the primary has."""
    goal = await scene.owners[0].fetchval("SELECT pg_current_wal_lsn()::text")

    async def there() -> bool:
        return await scene.owners[1].fetchval("SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", goal)

    await eventually(there, 30)


async def promote(scene: Scene) -> float:
    assert await scene.owners[1].fetchval("SELECT pg_promote(true, 60)")
    return time.monotonic()


def turn(name: Proxy, port: int, how: str) -> float:
    """The name leads elsewhere; what becomes of the connections that are open differs."""
    name.target = ("127.0.0.1", port)
    if how == "cut":
        name.cut()
    elif how == "silent":
        name.fall_silent()
    return time.monotonic()


@pytest.mark.parametrize("how", ["cut", "kept", "silent"])
async def test_one_name_leads_to_a_standby_and_back_and_to_one_that_is_promoted(
    opened: Callable[..., Awaitable[Scene]], pair: Pair, how: str
) -> None:
    """`how`: connections that are open when the name turns are cut, or stay where they are, or fall silent."""
    primary, standby = pair.ports
    async with proxy("127.0.0.1", primary) as name:
        scene = await opened(f"one name, {how}", name.port)
        await follows(scene)
        turn(name, standby, "cut")
        await says_that(scene, "it only reads")

        back = turn(name, primary, how)
        await scene.recover(0, back, "back from a standby")

        await follows(scene)
        pair.ground.postgres.stop()
        turn(name, standby, how)
        await says_that(scene, "it only reads")
        await scene.recover(1, await promote(scene), "promoted")

        assert (await verify(scene.databases[1], all_kinds())).wrong == []


async def test_two_hosts_of_which_one_can_write(opened: Callable[..., Awaitable[Scene]], pair: Pair) -> None:
    """The first falls silent, comes back, and falls silent for good; then the second is promoted."""
    async with proxy("127.0.0.1", pair.ports[0]) as first, proxy("127.0.0.1", pair.ports[1]) as second:
        scene = await opened("two hosts", first.port, second.port, parameters="target_session_attrs=read-write")
        first.fall_silent()
        first.answers.clear()
        await says_that(scene, "no host of its address can write")
        first.heal()
        await scene.recover(0, time.monotonic(), "the first is back")

        await follows(scene)
        first.fall_silent()
        first.answers.clear()
        await says_that(scene, "no host of its address can write")
        await scene.recover(1, await promote(scene), "promoted")

        assert (await verify(scene.databases[1], all_kinds())).wrong == []
