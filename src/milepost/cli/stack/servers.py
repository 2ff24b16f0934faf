"""The servers of a stack: embedded ones in the data folder, or those that the settings name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from milepost.db.urls import without_login
from milepost.embedded import EmbeddedError, EmbeddedPostgres, EmbeddedRedis
from milepost.embedded.server import EmbeddedServer
from milepost.settings import Settings

NAMES: Mapping[type[EmbeddedServer], str] = {EmbeddedPostgres: "postgres", EmbeddedRedis: "redis"}
LOOK_EVERY = 0.5
LONGEST_PAUSE = 30.0


class Servers:
    """Embedded servers that are started again, on their old port, when they die."""

    def __init__(self, folder: Path, report: Callable[[str], None]) -> None:
        self._folder = folder
        self._report = report
        self._running: dict[str, EmbeddedServer] = {}
        self._ports: dict[str, int] = {}

    def start(self, kind: type[EmbeddedServer], *, port: int = 0) -> EmbeddedServer:
        name = NAMES[kind]
        server = kind(self._folder / name, port=port)
        server.start()
        self._running[name] = server
        self._ports[name] = server.port
        return server

    def stop(self) -> None:
        for server in reversed(self._running.values()):
            server.stop()
        self._running.clear()

    def pids(self) -> dict[str, int]:
        return {name: server.pid for name, server in self._running.items() if server.is_alive}

    async def keep(self, changed: Callable[[], None]) -> None:
        """Looks after them for ever; `changed` is called when a pid is another."""
        pause = LOOK_EVERY
        while True:
            await asyncio.sleep(pause)
            dead = [server for server in self._running.values() if not server.is_alive]
            for server in dead:
                pause = LOOK_EVERY if self._revive(server) else min(pause * 2, LONGEST_PAUSE)
            if dead:
                changed()

    def _revive(self, server: EmbeddedServer) -> bool:
        self._report(f"{server.name} ended and is started again (log: {server.log})")
        server.stop()  # it is dead: this gives the folder's lock back
        try:
            self.start(type(server), port=self._ports[NAMES[type(server)]])
        except EmbeddedError as error:
            self._report(f"{server.name} cannot be started: {error}")
            return False
        return True


@contextmanager
def open_servers(
    settings: Settings, report: Callable[[str], None], tell: Callable[[str], None]
) -> Generator[tuple[Servers, str, str]]:
    """The servers, the owner's address of PostgreSQL and the address of Redis. From the main thread.

    `tell`: what is done now.
    """
    with ExitStack() as stack:
        servers = Servers(settings.data_dir, report)
        stack.callback(servers.stop)
        owner = settings.owner_database_url or settings.database_url
        if owner is None:
            tell(f"Starting PostgreSQL, its data in {settings.data_dir / NAMES[EmbeddedPostgres]} …")
            postgres = servers.start(EmbeddedPostgres)
            assert isinstance(postgres, EmbeddedPostgres)
            owner_url = postgres.owner_url
        else:
            owner_url = owner.get_secret_value()
            tell(f"PostgreSQL is {without_login(owner_url)}, as the settings say.")
        if settings.redis_url is None:
            tell(f"Starting Redis, its data in {settings.data_dir / NAMES[EmbeddedRedis]} …")
            redis = servers.start(EmbeddedRedis)
            assert isinstance(redis, EmbeddedRedis)
            redis_url = redis.url
        else:
            redis_url = settings.redis_url.get_secret_value()
            tell("Redis is the one that the settings name.")
        yield servers, owner_url, redis_url
