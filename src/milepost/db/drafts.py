"""Writes migration drafts as reviewed-SQL files: the tables of a metadata, or everything a new kind needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from milepost.db import guards
from milepost.db.roles import job_grants, table_grants
from milepost.domain.machine import StateMachine

DIALECT = postgresql.dialect()

FILE = '''"""{message}"""

from __future__ import annotations

from milepost.db.migrate import script

revision = "{revision}"
down_revision = {down_revision}
branch_labels = None
depends_on = None

UP = r"""
{up}
"""

DOWN = r"""
{down}
"""


def upgrade() -> None:
    script(UP)


def downgrade() -> None:
    script(DOWN)
'''


def tables_sql(tables: Iterable[Table]) -> str:
    """CREATE TABLE and CREATE INDEX of each table, as this module's migrations hold them."""
    parts: list[str] = []
    for table in tables:
        parts.append(str(CreateTable(table).compile(dialect=DIALECT)).strip().replace("\t", "    ") + ";")
        ordered = sorted(table.indexes, key=lambda index: str(index.name))
        parts += [str(CreateIndex(index).compile(dialect=DIALECT)) + ";" for index in ordered]
    return "\n".join(line.rstrip() for line in "\n\n".join(parts).splitlines())


def kind_migration(
    table: Table, machine: StateMachine, *, revision: str, down_revision: str | None, more: Sequence[Table] = ()
) -> str:
    """The file that brings one kind into the tenant database, to be read before it is committed.

    `more`: further tables of the kind, in an order in which they can be made.
    """
    up = "\n".join(
        [
            tables_sql([table, *more]),
            guards.legal_transitions(machine),
            guards.partitions(table.name, machine.kind),
            guards.triggers(table.name, machine),
            job_grants(table.name),
            *([table_grants([other.name for other in more])] if more else []),
        ]
    )
    return FILE.format(
        message=f"Brings the kind {machine.kind}: table, history and artifact partitions, guards, grants.",
        revision=revision,
        down_revision=f'"{down_revision}"' if down_revision else None,
        up=up.strip(),
        down="\n".join(
            [*(f"DROP TABLE {other.name};" for other in reversed(more)), guards.drop(table.name, machine).strip()]
        ),
    )
