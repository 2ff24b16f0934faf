"""Lists in the order of finish: what ended has one index for them and for the pruner."""

from __future__ import annotations

from milepost.db.migrate import script

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UP = r"""
DROP INDEX ix_executions_finished_at;
CREATE INDEX ix_executions_finished_at ON executions (finished_at DESC NULLS LAST, id) WHERE finished_at IS NOT NULL;
CREATE INDEX ix_image_tasks_finished_at ON image_tasks (finished_at DESC NULLS LAST, id) WHERE finished_at IS NOT NULL;
"""

DOWN = r"""
DROP INDEX ix_image_tasks_finished_at;
DROP INDEX ix_executions_finished_at;
CREATE INDEX ix_executions_finished_at ON executions (finished_at)
    WHERE finished_at IS NOT NULL AND retain_until IS NULL AND NOT is_permanent;
"""


def upgrade() -> None:
    script(UP)


def downgrade() -> None:
    script(DOWN)
