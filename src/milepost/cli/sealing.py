"""What sealing and checking the audit logs needs of settings: the key, the public keys, the anchors, the databases."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from milepost import observe
from milepost.cli.database import PATIENCE
from milepost.db.seals import CONTROL
from milepost.db.tenants import DatabaseOptions, TenantDatabase, open_database
from milepost.domain.api_key import DEFAULT_TENANT
from milepost.domain.canonical import Entry
from milepost.domain.pseudonym import Veil
from milepost.engine.maintain import Tick
from milepost.engine.seal import Log, Sealer
from milepost.settings import Settings, variable
from milepost.storage.anchors import AnchorFiles
from milepost.tenancy import keys
from milepost.tenancy.directory import Directory
from milepost.tenancy.signing import (
    PublicKeys,
    SigningKey,
    load_signing_key,
    parse_signing_key,
    publish,
    read_public_keys,
)
from milepost.wiring import CONTROL_SETTING

EVERY = 2.0
VEIL = "audit copies"


def signing_key(settings: Settings) -> SigningKey:
    """From the settings, else from a file that the first sealer writes. Its public half is put beside it."""
    key = _key(settings)
    if settings.audit_public_key_file is None:
        publish(key, settings.data_dir / "audit.pub")
    return key


def _key(settings: Settings) -> SigningKey:
    if settings.audit_signing_key is not None:
        return parse_signing_key(settings.audit_signing_key.get_secret_value())
    return load_signing_key(_key_file(settings))[0]


def _key_file(settings: Settings) -> Path:
    return settings.audit_signing_key_file or settings.data_dir / "audit.key"


def public_keys(settings: Settings) -> PublicKeys:
    """Raises ConfigurationError where there are none."""
    return read_public_keys(settings.audit_public_key_file or settings.data_dir / "audit.pub")


def public_key_lines(settings: Settings) -> list[str]:
    """Of the key that signs here; where it is not here, those that seals are checked with. Writes nothing."""
    if settings.audit_signing_key is not None or _key_file(settings).exists():
        return [_key(settings).verifier()]
    return public_keys(settings).lines()


def anchors(settings: Settings) -> AnchorFiles:
    return AnchorFiles(settings.audit_anchors or settings.data_dir / "anchors")


@asynccontextmanager
async def open_control(settings: Settings) -> AsyncGenerator[TenantDatabase]:
    """The control database, as the sealer where its login is known."""
    name = "control_database_url" if settings.sealer_database_url is None else "sealer_database_url"
    setting = CONTROL_SETTING if settings.sealer_database_url is None else variable(name)
    options = DatabaseOptions(setting, settings.pooler, connections=4, patience=PATIENCE)
    control = await open_database(CONTROL, settings.need(name), options)
    try:
        yield control
    finally:
        await control.close()


@dataclass(frozen=True, slots=True)
class SealDesk:
    """The sealer with what it seals."""

    sealer: Sealer
    control: TenantDatabase
    directory: Directory
    _veils: dict[str, tuple[bytes, Veil]] = field(
        default_factory=dict[str, "tuple[bytes, Veil]"], init=False, repr=False
    )

    async def log(self, database: TenantDatabase) -> Log:
        """A tenant's log. Raises KeyError for a tenant that is none."""
        key = keys.derive(await self.directory.tenant_key(database.name), VEIL)
        known = self._veils.get(database.name)
        if known is None or known[0] != key:
            # kept, as it remembers the pseudonyms that it has made
            known = self._veils[database.name] = (key, Veil(key))
        return Log(database.name, database, known[1].over)

    def ticks(self, database: TenantDatabase) -> Sequence[Tick]:
        """Whoever leads a tenant seals its log; the first tenant's leader also seals the control database's own."""
        found = [Tick("seal the audit log", EVERY, partial(self._seal, database))]
        if database.name == DEFAULT_TENANT:
            found.append(Tick("seal the control log", EVERY, self._seal_control))
        return found

    async def _seal(self, database: TenantDatabase) -> int:
        await self.sealer.seal(await self.log(database))
        return 0  # done all the time: no line of the log a round

    async def _seal_control(self) -> int:
        await self.sealer.seal(Log(CONTROL, self.control))
        return 0


async def veil(directory: Directory, tenant: str) -> Callable[[Entry], Entry]:
    """How a tenant's rows look as copies. Raises KeyError for a tenant that is none."""
    return Veil(keys.derive(await directory.tenant_key(tenant), VEIL)).over


@asynccontextmanager
async def open_sealer(settings: Settings, directory: Directory, installation: str) -> AsyncGenerator[SealDesk]:
    """Raises ConfigurationError for a key that is none."""
    async with open_control(settings) as control:
        sealer = Sealer(control, signing_key(settings), anchors(settings), installation=installation)
        observe.watch("milepost_audit_sealed", "Audit rows sealed, by log.", lambda: sealer.sealing.rows)
        observe.watch_levels(
            "milepost_audit_lag_seconds", "Age of the oldest unsealed audit row, by log.", lambda: sealer.sealing.lag
        )
        yield SealDesk(sealer, control, directory)
