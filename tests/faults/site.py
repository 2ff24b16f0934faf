"""An installation to do faults to: processes of the product on a database of its own, watched from outside."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from milepost.cli.stack.listening import address_of, listen
from milepost.client import Client
from milepost.db.submits import NewJob
from milepost.db.tenants import DatabaseOptions, TenantDatabase, open_database
from milepost.engine.api_keys import create_key, ensure_user
from milepost.engine.cancel import cancel
from milepost.engine.submit import submit_all
from milepost.engine.verify import verify
from milepost.kinds import all_kinds
from milepost.kinds.executions import KIND
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell
from milepost.tenancy.first_start import Addresses
from tests.cli.running import clean_environment
from tests.factories import new_execution
from tests.faults.breakages import prepare, product
from tests.faults.ground import MASTER_KEY, Ground
from tests.faults.holders import named
from tests.faults.invariants import Promise, broken
from tests.faults.process import Process
from tests.servers.messages_api import ModelServer

MODEL, OFFLINE = "claude-sonnet-5", "offline/extract"
# short, so that a lost worker costs a test seconds; one test measures the lease that is shipped
LEASE_SECONDS = 4.0
SCRIPTS = Path(__file__).parent / "scripts"
Figure = Callable[..., None]


@dataclass(eq=False)
class Site:
    """What a test has in its hands."""

    ground: Ground
    addresses: Addresses
    folder: Path
    models: ModelServer
    database: TenantDatabase
    doorbell: Doorbell
    redis: Any
    owner: Any
    figure: Figure
    promised: list[Promise] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    breakage: str | None = None
    _bound: socket.socket | None = None
    _numbers: Iterator[int] = field(default_factory=count)

    def environment(self, **settings: str) -> dict[str, str]:
        """Of every process of this installation, with other settings or more of them."""
        extra = {f"MILEPOST_{key.upper()}": value for key, value in settings.items()}
        common = clean_environment(
            PYTHONPATH=os.pathsep.join(["src", "."]),
            MILEPOST_DATA_DIR=str(self.folder),
            MILEPOST_DATABASE_URL=self.addresses.app,
            MILEPOST_MAINTENANCE_DATABASE_URL=self.addresses.maintenance,
            MILEPOST_CONTROL_DATABASE_URL=self.addresses.control,
            MILEPOST_REDIS_URL=self.ground.redis_url,
            MILEPOST_MASTER_KEY=MASTER_KEY,
            MILEPOST_ANTHROPIC_API_KEY="not-a-real-key",
            MILEPOST_LEASE_SECONDS=str(LEASE_SECONDS),
        )
        return {**common, **extra}

    # ------------------------------------------------------------------------------------------ processes

    @asynccontextmanager
    async def workers(self, count: int = 1, **settings: Any) -> AsyncIterator[list[Process]]:
        """That many, killed at the end if they are still there."""
        staff = await asyncio.gather(*(self.worker(**settings) for _ in range(count)))
        try:
            yield staff
        finally:
            for worker in staff:
                await worker.resume_and_kill()

    async def worker(self, *, wait: bool = True, **settings: str) -> Process:
        """`wait`: until it is ready."""
        return await self.start("worker", [*product(self.breakage), "worker", "executions"], settings, wait=wait)

    async def maintenance(self, *, wait: bool = True) -> Process:
        """The one that may seal the audit log."""
        settings = {"sealer_database_url": self.addresses.sealer}
        return await self.start("maintenance", [*product(self.breakage), "maintain"], settings, wait=wait)

    async def api(self, *, wait: bool = True) -> Process:
        """On the one socket of this site, which outlives the process."""
        arguments = [*product(self.breakage), "api", "--socket", str(self._socket.fileno())]
        return await self.start("api", arguments, {}, wait=wait)

    async def script(self, name: str, *arguments: str, **settings: str) -> Process:
        return await self.start(name, ["-P", str(SCRIPTS / f"{name}.py"), *arguments], settings)

    async def start(
        self, name: str, arguments: Sequence[str], settings: dict[str, str], *, wait: bool = True
    ) -> Process:
        one_of_a_kind = f"{name}-{next(self._numbers)}"
        address = named(settings.get("database_url", self.addresses.app), one_of_a_kind)
        process = await (Process.start if wait else Process.begin)(
            name,
            *arguments,
            environment=self.environment(**{**settings, "database_url": address}),
            log=self.folder / f"{one_of_a_kind}.log",
            inherited=[self._bound.fileno()] if self._bound else [],
        )
        self.processes.append(process)
        return process

    @property
    def _socket(self) -> socket.socket:
        if self._bound is None:
            self._bound = listen("127.0.0.1", 0, explicit=True)
        return self._bound

    @property
    def socket_number(self) -> str:
        return str(self._socket.fileno())

    @property
    def url(self) -> str:
        """Of the API, whichever process serves it."""
        return address_of(self._socket)

    async def client(self, **options: Any) -> Client:
        """With a key of its own."""
        return Client(self.url, await self.key(), **options)

    async def key(self) -> str:
        user = await ensure_user(self.database, role="maker", name="Load")
        key, _ = await create_key(
            self.database, user_id=user, name="load", scopes=["job:submit", "job:read"],
            chance=secrets.token_bytes(32), pepper=None, actor="cli:test",
        )  # fmt: skip
        return key.text

    # ------------------------------------------------------------------------------------------ jobs

    async def submit(self, *prompts: str, model: str = MODEL, **changes: Any) -> list[UUID]:
        """Past the API, bells included. Every prompt is made one of a kind."""
        new = [self._new(f"{prompt} echo=#{next(self._numbers)}", model, changes) for prompt in prompts]
        await submit_all(self.database, KIND, new, self.doorbell)
        self.promised += [Promise(job.id, KIND.name) for job in new]
        return [job.id for job in new]

    @staticmethod
    def _new(prompt: str, model: str, changes: dict[str, Any]) -> NewJob:
        columns = {"prompt": prompt, "model": model, "max_tokens": 200, "job_name": prompt[:40]}
        return new_execution(columns=columns, **changes)

    async def rows(self, ids: Collection[UUID]) -> list[Any]:
        return await self.owner.fetch("SELECT * FROM executions WHERE id = ANY ($1::uuid[]) ORDER BY id", list(ids))

    async def row(self, job_id: UUID) -> Any:
        return (await self.rows([job_id]))[0]

    async def history(self, job_id: UUID) -> list[tuple[str, str]]:
        """Status and reason of every version."""
        sql = "SELECT to_status, reason FROM status_transitions WHERE job_id = $1 ORDER BY version"
        return [tuple(row) for row in await self.owner.fetch(sql, job_id)]

    async def until_running(self, count: int, within: float = 20) -> None:
        async def running() -> bool:
            return await self.owner.fetchval("SELECT count(*) FROM executions WHERE status = 'RUNNING'") >= count

        await eventually(running, within)

    async def until_ended(self, ids: Collection[UUID], within: float = 60) -> float:
        """When all of them had ended, by the monotonic clock."""
        sql = "SELECT count(*) FROM executions WHERE id = ANY ($1::uuid[]) AND finished_at IS NOT NULL"

        async def ended() -> bool:
            return await self.owner.fetchval(sql, list(ids)) == len(ids)

        await eventually(ended, within, every=0.05)
        return time.monotonic()

    async def prove(self) -> None:
        """Everything that must hold, by two independent proofs."""
        found = await broken(self.owner, self.promised)
        assert found == {}, found
        report = await verify(self.database, all_kinds())
        assert (report.wrong, report.guards) == ([], [])
        assert report.jobs >= len(self.promised)

    # ------------------------------------------------------------------------------------------ gates

    @asynccontextmanager
    async def gate(self, status: str) -> AsyncIterator[Gate]:
        """Marked jobs (`[[gate]]`) stand still between the write of that status and its commit."""
        connection = await asyncpg.connect(self.addresses.owner)
        try:
            await connection.execute("SELECT pg_advisory_lock(hashtext($1))", status)
            yield Gate(self.owner)
        finally:
            await connection.close()

    async def reconnect(self) -> None:
        """After PostgreSQL was away."""
        self.owner = await asyncpg.connect(self.addresses.owner)

    async def clear_away(self) -> None:
        """After a failure: no process but maintenance, no job but those that ended."""
        for process in self.processes[1:]:
            await process.resume_and_kill()
        left = [row[0] for row in await self.owner.fetch("SELECT id FROM executions WHERE finished_at IS NULL")]
        for job_id in left:
            await cancel(self.database, KIND, job_id, actor="cli:test")
        await self.until_ended(left)

    async def close(self) -> None:
        for process in self.processes:
            await process.resume_and_kill()
        if self._bound:
            self._bound.close()
        await self.doorbell.aclose()
        await self.redis.aclose()
        await self.database.close()
        await self.owner.close()


class Gate:
    """Who stands before it."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner

    async def reached(self, within: float = 20) -> int:
        """The backend that waits."""
        found: list[int] = []

        async def waits() -> bool:
            found[:] = [
                row[0]
                for row in await self._owner.fetch(
                    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database ="
                    " (SELECT oid FROM pg_database WHERE datname = current_database())"
                )
            ]
            return bool(found)

        await eventually(waits, within)
        return found[0]

    async def roll_back(self, backend: int) -> None:
        """What the server does for a client whose machine is gone, without the wait for the network to tell."""
        await self._owner.execute("SELECT pg_terminate_backend($1, 5000)", backend)


async def eventually(true: Callable[[], Awaitable[bool]], within: float, every: float = 0.02) -> None:
    """For what only a server can tell: asks until it is so."""
    async with asyncio.timeout(within):
        while not await true():  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(every)


@asynccontextmanager
async def open_site(
    ground: Ground, models: ModelServer, folder: Path, figure: Figure, *, breakage: str | None = None
) -> AsyncIterator[Site]:
    """`breakage`: its processes are of the product as it is when that is broken."""
    addresses = await ground.clone()
    control = await asyncpg.connect(addresses.control_owner)
    try:
        await control.execute("UPDATE llm_providers SET api_base_url = $1 WHERE id = 'claude'", models.url)
        installation = str(await control.fetchval("SELECT id FROM installation"))
    finally:
        await control.close()
    redis = connect(ground.redis_url)
    await redis.flushall()
    site = Site(
        ground,
        addresses,
        folder,
        models,
        await open_database("default", addresses.app, DatabaseOptions()),
        Doorbell(connect(ground.redis_url, timeout=2.0), installation=installation, patience=1.0),
        redis,
        await asyncpg.connect(addresses.owner),
        figure,
        breakage=breakage,
    )
    if breakage is not None:
        await prepare(breakage, site.owner)
    try:
        yield site
    finally:
        await site.close()
