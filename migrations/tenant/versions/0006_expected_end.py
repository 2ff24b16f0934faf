"""When an attempt is expected to end, and the earliest end that was expected of it."""

from __future__ import annotations

from milepost.db.migrate import script

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UP = r"""
ALTER TABLE executions
    ADD COLUMN expected_at TIMESTAMP WITH TIME ZONE, ADD COLUMN promised_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE image_tasks
    ADD COLUMN expected_at TIMESTAMP WITH TIME ZONE, ADD COLUMN promised_at TIMESTAMP WITH TIME ZONE;
"""

DOWN = r"""
ALTER TABLE image_tasks DROP COLUMN expected_at, DROP COLUMN promised_at;
ALTER TABLE executions DROP COLUMN expected_at, DROP COLUMN promised_at;
"""


def upgrade() -> None:
    script(UP)


def downgrade() -> None:
    script(DOWN)
