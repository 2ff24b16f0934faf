"""Makes the databases of a stack ready, and the development key with which its owner calls the API."""

from __future__ import annotations

import os

from milepost.cli.found import beside
from milepost.cli.stack.first_key import FirstKey
from milepost.cli.stack.secrets import Passwords, passwords_in, replace_private
from milepost.db.tenants import DatabaseOptions, TenantDatabase, open_database
from milepost.db.urls import with_database
from milepost.domain.api_key import CHANCE_BYTES, DEFAULT_TENANT
from milepost.domain.scopes import ALLOWED
from milepost.engine.api_keys import KeyRing, create_key, ensure_user
from milepost.settings import Settings
from milepost.tenancy.first_start import Addresses, Plan, make_ready

OPERATOR = "operator@localhost"
KEY_NAME = "development"
KEY_FILE = "development.key"


def plan_of(settings: Settings, owner_url: str, *, embedded: bool, passwords: Passwords | None) -> Plan:
    """Where the databases are. A login that the settings name is used; others are made where there are passwords."""
    control = settings.control_owner_database_url
    if embedded:
        tenant_url, control_url = (with_database(owner_url, name) for name in ("milepost_default", "milepost_control"))
    else:
        tenant_url, control_url = owner_url, control.get_secret_value() if control else beside(owner_url)
    named = settings.database_url if settings.owner_database_url else None
    maintenance, sealer = settings.maintenance_database_url, settings.sealer_database_url
    return Plan(
        owner_url=tenant_url,
        control_owner_url=control_url,
        app_password=passwords and passwords.app,
        maintenance_password=passwords and passwords.maintenance,
        sealer_password=passwords and passwords.sealer,
        app_url=named.get_secret_value() if named else None,
        maintenance_url=maintenance.get_secret_value() if maintenance else None,
        sealer_url=sealer.get_secret_value() if sealer else None,
        development=settings.mode == "development",
    )


async def prepare(settings: Settings, owner_url: str, key: FirstKey, *, embedded: bool) -> Addresses:
    """Roles, databases, both histories, the tenant, its models. Safe to repeat."""
    plan = plan_of(settings, owner_url, embedded=embedded, passwords=passwords_in(settings.data_dir))
    return await make_ready(plan, key)


async def development_key(settings: Settings, database_url: str) -> str:
    """The key in the data folder, made anew when it is gone, revoked, expired or another database's."""
    file = settings.data_dir / KEY_FILE
    pepper = settings.api_key_pepper.get_secret_value().encode() if settings.api_key_pepper else None
    database = await open_database(DEFAULT_TENANT, database_url, DatabaseOptions())
    try:
        kept = file.read_text().strip() if file.exists() else ""
        if kept and await _is_active(database, kept, pepper):
            return kept
        user = await ensure_user(database, role="operator", name="Operator", email=OPERATOR)
        key, _ = await create_key(
            database,
            user_id=user,
            name=KEY_NAME,
            scopes=sorted(ALLOWED["operator"]),
            chance=os.urandom(CHANCE_BYTES),
            pepper=pepper,
            actor="cli:up",
        )
    finally:
        await database.close()
    replace_private(file, key.text + "\n")
    return key.text


async def _is_active(database: TenantDatabase, text: str, pepper: bytes | None) -> bool:
    async def databases(_: str) -> TenantDatabase:
        return database

    ring = KeyRing(databases, pepper)
    holder = await ring.holder(text)
    await ring.aclose()
    return holder is not None
