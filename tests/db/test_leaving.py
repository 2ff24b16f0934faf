"""A server that went silent, reads only or is stopped is left by all connections at once, and what is asked is asked anew."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from milepost.db.connections import Connection, Connections, Patience
from milepost.db.tenants import DatabaseOptions, TenantDatabase, open_database
from milepost.db.urls import database_address
from milepost.domain.errors import Unavailable
from tests.db_fixtures import Urls
from tests.servers.proxy import Proxy, proxy

OPTIONS = DatabaseOptions(connections=5, patience=Patience(whole=10, one_try=1.0))


@dataclass
class Line:
    """A database behind a proxy."""

    proxy: Proxy
    database: TenantDatabase

    async def ask(self, sql: str = "SELECT pg_backend_pid()") -> Any:
        return await self.database.connections.run(lambda connection: connection.fetchval(sql))

    async def ask_all(self) -> set[int]:
        """Of all connections at once, which backends answer."""
        gate = asyncio.Barrier(OPTIONS.connections)

        async def work(connection: Connection) -> int:
            async with asyncio.timeout(0.5):
                await gate.wait()
            return await connection.fetchval("SELECT pg_backend_pid()")

        return set(
            await asyncio.gather(*(self.database.connections.run(work, limit=5) for _ in range(OPTIONS.connections)))
        )


@pytest.fixture
async def line(urls: Urls) -> AsyncIterator[Line]:
    ((host, port),) = database_address(urls.app).hosts
    assert port is not None
    async with proxy(host, port) as made:
        database = await open_database("default", urls.app.replace(f":{port}/", f":{made.port}/"), OPTIONS)
        yield Line(made, database)
        await database.close()


async def test_connections_that_went_silent_cost_everybody_one_try_at_most(line: Line) -> None:
    before = await line.ask_all()
    line.proxy.fall_silent()
    tries: Counter[int] = Counter()

    async def ask(number: int) -> int:
        async def work(connection: Connection) -> int:
            tries[number] += 1
            return await connection.fetchval("SELECT pg_backend_pid()")

        return await line.database.connections.run(work)

    after = await asyncio.gather(*(ask(number) for number in range(20)))

    assert len(before) == OPTIONS.connections
    assert before.isdisjoint(after)
    assert max(tries.values()) == 2


async def test_what_is_in_use_elsewhere_goes_on_when_a_server_is_left(line: Line) -> None:
    slow = asyncio.create_task(
        line.database.connections.run(lambda c: c.fetchval("SELECT pg_backend_pid() FROM pg_sleep(2)"), limit=20)
    )
    first = await line.ask()
    old = line.database.pool
    with pytest.raises(asyncio.CancelledError):
        await line.database.connections.run(_end_itself)

    assert await line.ask() != first
    assert line.database.pool is not old
    assert await slow


async def _end_itself(connection: Connection) -> None:
    """Its backend is terminated; and nothing is tried again, as its caller gives up."""
    try:
        await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    except Exception:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        raise


async def test_reads_from_a_server_that_was_set_aside_are_its_last(line: Line) -> None:
    """It answers as ever: nobody would notice that what it tells is old."""
    pids = [await line.ask()]
    await line.ask("SET default_transaction_read_only = on")

    pids += [await line.ask() for _ in range(3)]

    assert pids[0] not in pids[1:]
    assert pids[1] == pids[3]  # and the next server is not left


async def test_work_that_may_take_long_is_told_soon_that_it_cannot_be_done(line: Line) -> None:
    await line.ask()
    line.proxy.refuses = True
    line.proxy.cut()
    impatient = Connections(lambda: line.database.pool, Patience(whole=0.5, one_try=1.0))

    with pytest.raises(Unavailable):
        async with asyncio.timeout(10):
            await impatient.run(lambda connection: connection.fetchval("SELECT 1"), limit=30)


async def test_nothing_is_left_behind_by_a_server_that_was_left(line: Line) -> None:
    await line.ask_all()
    line.proxy.fall_silent()
    await line.ask()

    await line.database.close()

    names = {getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()}
    assert not [name for name in names if "Pool" in name or "_quietly" in name]


async def test_a_silent_host_is_passed_over_within_a_try_and_asked_last_from_then_on(urls: Urls) -> None:
    ((host, port),) = database_address(urls.app).hosts
    assert port is not None
    async with proxy(host, port) as silent, proxy(host, port) as good:
        silent.answers.clear()
        url = urls.app.replace(f"{host}:{port}/", f"127.0.0.1:{silent.port},127.0.0.1:{good.port}/")
        options = DatabaseOptions(patience=Patience(whole=0.1, one_try=2.0))
        database = await open_database("default", f"{url}?target_session_attrs=read-write", options)

        first = await database.connections.run(lambda c: c.fetchval("SELECT 1"))
        met = silent.hindered
        await asyncio.gather(
            *(database.connections.run(lambda c: c.fetchval("SELECT pg_sleep(0.1)")) for _ in range(5))
        )
        await database.close()

    assert first == 1
    assert (met, silent.hindered) == (1, 1)
