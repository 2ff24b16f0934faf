"""Jobs by the last 8 hex digits of their ids, which is how people write them."""

from __future__ import annotations

from milepost.db.migrate import script

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UP = r"""
CREATE INDEX ix_executions_short_id ON executions USING hash (right(id::text, 8));
CREATE INDEX ix_image_tasks_short_id ON image_tasks USING hash (right(id::text, 8));
"""

DOWN = r"""
DROP INDEX ix_image_tasks_short_id;
DROP INDEX ix_executions_short_id;
"""


def upgrade() -> None:
    script(UP)


def downgrade() -> None:
    script(DOWN)
