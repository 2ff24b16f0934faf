"""Seals may be read by every process; the index for sealing holds only the rows that are written here."""

from __future__ import annotations

from milepost.db.migrate import script

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UP = r"""
DROP INDEX ix_audit_logs_xid;
CREATE INDEX ix_audit_logs_xid ON audit_logs (xid, id) WHERE source_id IS NULL;

DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_app') THEN GRANT SELECT ON audit_seals TO milepost_app; END IF; END $$;
DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_maintenance') THEN GRANT SELECT ON audit_seals TO milepost_maintenance; END IF; END $$;
"""

DOWN = r"""
DROP INDEX ix_audit_logs_xid;
CREATE INDEX ix_audit_logs_xid ON audit_logs (xid, id);

DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_app') THEN REVOKE SELECT ON audit_seals FROM milepost_app; END IF; END $$;
DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_maintenance') THEN REVOKE SELECT ON audit_seals FROM milepost_maintenance; END IF; END $$;
"""


def upgrade() -> None:
    script(UP)


def downgrade() -> None:
    script(DOWN)
