"""The composition root: turns settings into open databases, a doorbell, a store and a worker. Nothing below reads settings."""

from __future__ import annotations

import os
import random
import secrets
import socket
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from milepost import observe
from milepost.db.connections import Patience
from milepost.db.ids import new_id
from milepost.db.rows import fetch
from milepost.db.tenants import DatabaseOptions, TenantDatabase, Tenants, open_database
from milepost.domain.api_key import DEFAULT_TENANT
from milepost.domain.errors import ConfigurationError
from milepost.domain.ids import Ids
from milepost.engine.attempt import Workshop
from milepost.engine.attempts import Attempts
from milepost.engine.kind import Kind
from milepost.kinds import all_kinds, find_kind
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell
from milepost.queue.worker import Worker
from milepost.settings import Settings, variable
from milepost.storage import Store, local_store, s3_store
from milepost.tenancy import keys
from milepost.tenancy.directory import Directory

Role = Literal["api", "worker", "maintenance"]

# an API request is answered 503 within seconds; a worker that has claimed jobs waits to hear of it. Within one try a
# server that has gone silent is noticed, and left: what takes longer by nature has a limit of its own
PATIENCE: Mapping[Role, Patience] = {
    "api": Patience(whole=2.0, one_try=2.0),
    "worker": Patience(whole=30.0, one_try=5.0),
    "maintenance": Patience(whole=10.0, one_try=5.0),
}


# the first question to each database: whoever starts a process is to hear of a fault soon
FIRST_SECONDS = 3.0
CONTROL_SETTING = "MILEPOST_CONTROL_DATABASE_URL (or MILEPOST_DATABASE_URL)"


@dataclass(frozen=True, eq=False)
class Runtime:
    """What every process of an installation has open. `instance` names this process in leases and audit rows."""

    settings: Settings
    instance: str
    installation: str
    tenants: Tenants
    directory: Directory
    doorbell: Doorbell
    store: Store
    kinds: tuple[Kind, ...]
    ids: Ids
    secret: bytes

    async def default(self) -> TenantDatabase:
        return await self.tenants.database(DEFAULT_TENANT)


@asynccontextmanager
async def open_runtime(settings: Settings, role: Role) -> AsyncGenerator[Runtime]:
    """Raises ConfigurationError for a setting that is missing, Unavailable within seconds when a database is away."""
    async with AsyncExitStack() as stack:
        options = DatabaseOptions(CONTROL_SETTING, settings.pooler, patience=PATIENCE[role])
        control = await open_database("control", settings.need("control_database_url"), options)
        stack.push_async_callback(control.close)
        name = "maintenance_database_url" if _as_maintenance(settings, role) else "database_url"
        directory = Directory(
            control.connections,
            master_key(settings),
            known={DEFAULT_TENANT: settings.need(name)},
            environment=os.environ.get,
            maintenance=role == "maintenance",
        )
        tenants = Tenants(directory.address, replace(options, setting=variable(name)))
        stack.push_async_callback(tenants.close)
        installation = await directory.installation(within=FIRST_SECONDS)
        doorbell = Doorbell(connect(settings.need("redis_url"), timeout=2.0), installation=installation)
        stack.push_async_callback(doorbell.aclose)
        tenant_key = await directory.tenant_key(DEFAULT_TENANT)
        # a login of its own may be refused on its own
        await fetch(await tenants.database(DEFAULT_TENANT), "SELECT 1", limit=FIRST_SECONDS)
        yield Runtime(
            settings=settings,
            instance=instance_name(),
            installation=installation,
            tenants=tenants,
            directory=directory,
            doorbell=doorbell,
            store=open_store(settings),
            kinds=all_kinds(),
            ids=new_id,
            secret=keys.derive(tenant_key, "cursors"),
        )


def _as_maintenance(settings: Settings, role: Role) -> bool:
    return role == "maintenance" and settings.maintenance_database_url is not None


def instance_name() -> str:
    """Unique to this process, and readable: host, pid and four random digits."""
    return f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(2)}"


def master_key(settings: Settings) -> bytes:
    """Raises ConfigurationError where there is none: only the first start may make one."""
    key = known_master_key(settings)
    if key is None:
        raise ConfigurationError(
            f"There is no master key in {master_key_file(settings)}.",
            hint="Set MILEPOST_MASTER_KEY or MILEPOST_MASTER_KEY_FILE. Before the first start: 'milepost migrate'.",
        )
    return key


def known_master_key(settings: Settings) -> bytes | None:
    """From the environment, else from the file; None where there is neither."""
    if settings.master_key is not None:
        return keys.parse_master_key(settings.master_key.get_secret_value())
    file = master_key_file(settings)
    try:
        return keys.parse_master_key(file.read_text().strip())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"The master key's file {file} cannot be read.") from None


def master_key_file(settings: Settings) -> Path:
    return settings.master_key_file or settings.data_dir / "master.key"


def open_store(settings: Settings) -> Store:
    place = settings.storage or str(settings.data_dir / "files")
    if not place.startswith("s3://"):
        return local_store(Path(place))
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    if settings.s3_access_key_id is None or settings.s3_secret_access_key is None:
        raise ConfigurationError(
            f"The store {place} needs credentials.",
            hint="Set MILEPOST_S3_ACCESS_KEY_ID and MILEPOST_S3_SECRET_ACCESS_KEY.",
        )
    return s3_store(
        bucket,
        access_key_id=settings.s3_access_key_id.get_secret_value(),
        secret_access_key=settings.s3_secret_access_key.get_secret_value(),
        region=settings.s3_region or "us-east-1",
        endpoint=settings.s3_endpoint,
        prefix=prefix,
    )


def handler_module(kind: Kind) -> ModuleType:
    """The package below `workers` that does this kind. Raises ConfigurationError where there is none."""
    name = f"workers.{kind.path}"
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in {"workers", name}:
            raise
        raise ConfigurationError(f"There is no handler for {kind.path}: no package {name}.") from None


def with_lease(kind: Kind, seconds: float | None) -> Kind:
    """The kind with leases of that length, renewed four times in it."""
    if seconds is None:
        return kind
    lease = replace(kind.policy.lease, length=timedelta(seconds=seconds), beat_every=timedelta(seconds=seconds / 4))
    return replace(kind, policy=replace(kind.policy, lease=lease))


@asynccontextmanager
async def open_worker(
    runtime: Runtime, paths: Sequence[str], *, burst: bool = False, handle_signals: bool = True
) -> AsyncGenerator[Worker]:
    """A worker for the named kinds, ready to `async_run`. Raises UnknownKind and ConfigurationError.

    A handler's module may say `MOST_AT_ONCE`: more attempts than that would only wait for each other.
    """
    settings = runtime.settings
    kinds = [with_lease(find_kind(path), settings.lease_seconds) for path in paths]
    async with AsyncExitStack() as stack:
        handlers: dict[str, Any] = {}
        ports: dict[str, Any] = {"store": runtime.store}
        most = settings.max_jobs
        for kind in kinds:
            module = handler_module(kind)
            handlers[kind.name] = module.run
            most = min(most, getattr(module, "MOST_AT_ONCE", most))
            if hasattr(module, "open_ports"):
                ports |= await stack.enter_async_context(module.open_ports(runtime))
        attempts = Attempts(
            Workshop(
                worker=runtime.instance,
                handlers=handlers,
                kinds={kind.name: kind for kind in kinds},
                databases=runtime.tenants.database,
                ringer=runtime.doorbell,
                chance=random.random,
                ports=ports,
            )
        )
        observe.watch("milepost_attempts", "What became of this worker's attempts.", lambda: attempts.counts)
        observe.watch_levels(
            "milepost_results_held", "Finished results that wait for their database.", lambda: {"now": attempts.held}
        )
        worker = Worker(
            attempts,
            connect(settings.need("redis_url"), timeout=5.0),
            installation=runtime.installation,
            instance=runtime.instance,
            max_jobs=most,
            grace=settings.grace_seconds,
            beat_every=min(kind.policy.lease.beat_every.total_seconds() for kind in kinds),
            # a bell whose worker died between taking it and claiming its job is back as soon as a lost lease would be
            hold=min(kind.policy.lease.length.total_seconds() for kind in kinds),
            burst=burst,
            handle_signals=handle_signals,
        )
        observe.watch("milepost_bells", "What this worker saw of bells.", lambda: asdict(worker.tally))
        stack.push_async_callback(worker.close)
        yield worker
