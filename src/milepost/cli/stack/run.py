"""Opens a stack: servers, databases, key, and the processes on top; closes it in the opposite order."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from milepost.cli import exits
from milepost.cli.found import beside
from milepost.cli.stack.child import Child
from milepost.cli.stack.first_key import FirstKey
from milepost.cli.stack.listening import address_of, listen
from milepost.cli.stack.note import Note
from milepost.cli.stack.prepare import development_key, prepare
from milepost.cli.stack.servers import Servers, open_servers
from milepost.cli.stack.whose_redis import check_redis
from milepost.domain.errors import ConfigurationError
from milepost.embedded import DataFolderInUse, EmbeddedError
from milepost.embedded.folder import FolderLock, private_folder
from milepost.kinds import all_kinds
from milepost.queue.connection import connect
from milepost.settings import Settings
from milepost.tenancy.first_start import Addresses

# what is running may end; a second signal does not wait even for that
GRACE_SECONDS = "5"
STOP_SECONDS = 15.0
NOT_FOR_ALL = ("OWNER_DATABASE_URL", "SEALER_DATABASE_URL", "AUDIT_SIGNING_KEY")
NOTHING: Mapping[str, str] = {}

Report = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Stack:
    """A running stack."""

    note: Note
    settings: Settings
    children: tuple[Child, ...]
    servers: Servers
    own_roles: bool
    new_key_file: Path | None

    def pids(self) -> dict[str, int]:
        children = {child.name: child.pid for child in self.children}
        return {
            "up": os.getpid(),
            **self.servers.pids(),
            **{name: pid for name, pid in children.items() if pid is not None},
        }

    def write_note(self) -> None:
        self.note.write(self.pids())

    async def keep(self) -> None:
        """Starts again what dies, for ever."""
        kept: list[Coroutine[Any, Any, None]] = [child.keep(self.write_note) for child in self.children]
        await asyncio.gather(self.servers.keep(self.write_note), *kept)

    def hurry(self) -> None:
        """Ends the processes without waiting for their jobs: leases bring those back."""
        for child in self.children:
            child.kill()


@asynccontextmanager
async def open_stack(
    settings: Settings, *, port: int, explicit_port: bool, report: Report, tell: Report
) -> AsyncGenerator[Stack]:
    """A stack that is ready. From the main thread. Raises MilepostError with what is in the way.

    `report`: what goes wrong meanwhile. `tell`: what is done now, a line a stage.
    """
    settings = settings.model_copy(update={"data_dir": settings.data_dir.absolute()})
    _check_addresses(settings)
    _make_folder(settings.data_dir)
    first_key = FirstKey(settings)
    first_key.known()  # a key that is missing is told before anything is started
    with (
        _locked(settings.data_dir),
        _clear(),
        listen(settings.host, port, explicit=explicit_port) as bound,
        open_servers(settings, report, tell) as (servers, owner_url, redis_url),
    ):
        tell("Preparing the databases: logins, migrations, the tenant, its models …")
        addresses = await prepare(settings, owner_url, first_key, embedded=owner_url not in _named(settings))
        await check_redis(redis_url, addresses.control, report)
        key = await development_key(settings, addresses.app)
        note = _note(settings, address_of(bound), key, addresses, redis_url)
        children = tuple(_children(settings, _environment(settings, note), addresses.sealer, bound.fileno(), report))
        stack = Stack(note, settings, children, servers, addresses.own_roles, first_key.made)
        tell(f"Starting the processes: {', '.join(child.name for child in children)} …")
        try:
            await _start(children)
            stack.write_note()
            yield stack
        finally:
            await asyncio.gather(*(child.stop(STOP_SECONDS) for child in children))
            note.remove()


def _check_addresses(settings: Settings) -> None:
    """What is known to be wrong before anything is made. Raises ConfigurationError."""
    if settings.control_owner_database_url is None:
        for url in _named(settings):
            beside(url)
    if settings.redis_url is not None:
        connect(settings.redis_url.get_secret_value())  # which reaches nobody yet


async def _start(children: tuple[Child, ...]) -> None:
    """All at once; the first that cannot start is told, and the rest not waited for."""
    starting = [asyncio.ensure_future(child.start()) for child in children]
    try:
        await asyncio.gather(*starting)
    except BaseException:
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
        raise


def _children(
    settings: Settings, environment: Mapping[str, str], sealer: str, socket: int, report: Report
) -> Iterator[Child]:
    logs = private_folder(settings.data_dir / "logs")

    def child(name: str, *arguments: str, inherited: Sequence[int] = (), extra: Mapping[str, str] = NOTHING) -> Child:
        seen = {**environment, **extra}
        return Child(name, arguments, environment=seen, log=logs / f"{name}.log", inherited=inherited, report=report)

    yield child("api", "api", "--socket", str(socket), inherited=(socket,))
    kinds = all_kinds()
    for number, kind in enumerate(kinds):
        yield child(f"worker-{kind.path}", "worker", kind.path, extra=_metrics_port(settings, number))
    only = {"MILEPOST_SEALER_DATABASE_URL": sealer, **_signing(), **_metrics_port(settings, len(kinds))}
    yield child("maintenance", "maintain", extra=only)


def _metrics_port(settings: Settings, number: int) -> dict[str, str]:
    """Two processes cannot share one port: each takes the next."""
    port = settings.metrics_port
    return {} if port is None else {"MILEPOST_METRICS_PORT": str(port + number)}


def _signing() -> dict[str, str]:
    """The settings of the key that only the sealer may have."""
    return {name: value for name, value in os.environ.items() if "AUDIT_SIGNING_KEY" in name}


def _note(settings: Settings, url: str, key: str, addresses: Addresses, redis_url: str) -> Note:
    return Note(
        api_url=url,
        api_key=key,
        redis_url=redis_url,
        database_url=addresses.app,
        maintenance_database_url=addresses.maintenance,
        owner_database_url=addresses.owner,
        control_database_url=addresses.control,
        control_owner_database_url=addresses.control_owner,
        sealer_database_url=addresses.sealer,
        data_dir=str(settings.data_dir),
    )


def _environment(settings: Settings, note: Note) -> dict[str, str]:
    """What the processes see: no owner's address, which none of them needs, and not what only the sealer may have."""
    return {
        "MILEPOST_GRACE_SECONDS": GRACE_SECONDS,
        **{name: value for name, value in os.environ.items() if not any(part in name for part in NOT_FOR_ALL)},
        "MILEPOST_MODE": settings.mode,
        "MILEPOST_DATA_DIR": note.data_dir,
        "MILEPOST_DATABASE_URL": note.database_url,
        "MILEPOST_MAINTENANCE_DATABASE_URL": note.maintenance_database_url,
        "MILEPOST_CONTROL_DATABASE_URL": note.control_database_url,
        "MILEPOST_REDIS_URL": note.redis_url,
        "MILEPOST_API_URL": note.api_url,
    }


def _named(settings: Settings) -> set[str]:
    urls = (settings.owner_database_url, settings.database_url)
    return {url.get_secret_value() for url in urls if url is not None}


def _make_folder(folder: Path) -> None:
    # others may enter: the user that PostgreSQL runs as when root starts it. What is private is so file by file.
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        private_folder(folder / "files")
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be a data folder: {error.strerror}.") from None


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    lock = FolderLock(folder)
    try:
        lock.acquire()
    except DataFolderInUse as error:
        raise exits.Exit(exits.REFUSED, str(error)) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _clear() -> Generator[None]:
    """An embedded server's trouble in the words of the house."""
    try:
        yield
    except DataFolderInUse as error:
        raise exits.Exit(exits.REFUSED, str(error)) from error
    except EmbeddedError as error:
        raise exits.Exit(exits.UNAVAILABLE, str(error)) from error
