"""Runs this history on the connection it is given (milepost.db.migrate), one transaction per revision."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("Run 'milepost migrate': it brings the connection, the lock and the time-outs.")

context.configure(connection=connection, transaction_per_migration=True, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
