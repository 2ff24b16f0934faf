"""The database roles, what each may do, and how a cluster and a database are prepared for them."""

from __future__ import annotations

from collections.abc import Sequence

from milepost.db.urls import quoted

OWNER, APP, MAINTENANCE, SEALER, READER = (
    "milepost_owner",
    "milepost_app",
    "milepost_maintenance",
    "milepost_sealer",
    "milepost_reader",
)
GROUP_ROLES = (OWNER, APP, MAINTENANCE, SEALER, READER)

# Several databases of one cluster may be prepared at once, so "exists already" is no error.
CREATE_ROLES = "\n".join(
    f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;"""
    for role in GROUP_ROLES
)

PREPARE_DATABASE = f"""
GRANT USAGE, CREATE ON SCHEMA public TO {OWNER};
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO {APP}, {MAINTENANCE}, {SEALER}, {READER};
"""


def database_settings(name: str) -> str:
    """Settings of a database that no session has to make.

    A plan made while a table was empty stays bad for as long as it is kept; planning each grouped statement costs
    microseconds a job. The time-outs end what a vanished client left behind.
    """
    settings = {
        "plan_cache_mode": "force_custom_plan",
        "random_page_cost": "1.1",
        "jit": "off",
        "idle_in_transaction_session_timeout": "'30s'",
        "lock_timeout": "'10s'",
        "statement_timeout": "'60s'",
    }
    return "\n".join(f"ALTER DATABASE {quoted(name)} SET {key} = {value};" for key, value in settings.items())


def grants(statements: dict[str, list[str]]) -> str:
    """GRANTs per role, left out where a host allows one role only and the group roles do not exist."""
    blocks: list[str] = []
    for role, rights in statements.items():
        lines = " ".join(f"GRANT {right} TO {role};" for right in rights)
        blocks.append(
            f"DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN {lines} END IF; END $$;"
        )
    return "\n".join(blocks)


def job_grants(table: str) -> str:
    """What the roles may do with one kind's table and its partitions."""
    history, files = f"status_transitions_{table}", f"artifacts_{table}"
    return grants(
        {
            APP: [f"SELECT, INSERT, UPDATE ON {table}, {files}", f"SELECT ON {history}"],
            MAINTENANCE: [f"SELECT, INSERT, UPDATE, DELETE ON {table}, {files}", f"SELECT ON {history}"],
            READER: [f"SELECT ON {table}, {files}, {history}"],
        }
    )


def table_grants(tables: Sequence[str]) -> str:
    """What the roles may do with tables that a kind brings beside its jobs."""
    names = ", ".join(tables)
    return grants(
        {
            APP: [f"SELECT, INSERT, UPDATE ON {names}"],
            MAINTENANCE: [f"SELECT, INSERT, UPDATE, DELETE ON {names}"],
            READER: [f"SELECT ON {names}"],
        }
    )
