"""Lists break ties by id in the direction of their order, so that newest first is that inside a batch as well."""

from __future__ import annotations

from milepost.db.migrate import script

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UP = r"""
DROP INDEX idx_executions_created_at, ix_executions_owner, idx_executions_status, ix_executions_finished_at;
CREATE INDEX idx_executions_created_at ON executions (created_at DESC, id DESC);
CREATE INDEX ix_executions_owner ON executions (user_id, created_at DESC, id DESC);
CREATE INDEX idx_executions_status ON executions (status, created_at DESC, id DESC)
    WHERE status IN ('COMPLETED', 'FAILED', 'CANCELLED');
CREATE INDEX ix_executions_finished_at ON executions (finished_at DESC NULLS LAST, id DESC) WHERE finished_at IS NOT NULL;
DROP INDEX idx_image_tasks_created_at, ix_image_tasks_owner, idx_image_tasks_status, ix_image_tasks_finished_at;
CREATE INDEX idx_image_tasks_created_at ON image_tasks (created_at DESC, id DESC);
CREATE INDEX ix_image_tasks_owner ON image_tasks (user_id, created_at DESC, id DESC);
CREATE INDEX idx_image_tasks_status ON image_tasks (status, created_at DESC, id DESC)
    WHERE status IN ('completed', 'failed', 'cancelled');
CREATE INDEX ix_image_tasks_finished_at ON image_tasks (finished_at DESC NULLS LAST, id DESC) WHERE finished_at IS NOT NULL;
"""

DOWN = r"""
DROP INDEX idx_executions_created_at, ix_executions_owner, idx_executions_status, ix_executions_finished_at;
CREATE INDEX idx_executions_created_at ON executions (created_at DESC, id);
CREATE INDEX ix_executions_owner ON executions (user_id, created_at DESC, id);
CREATE INDEX idx_executions_status ON executions (status, created_at DESC, id)
    WHERE status IN ('COMPLETED', 'FAILED', 'CANCELLED');
CREATE INDEX ix_executions_finished_at ON executions (finished_at DESC NULLS LAST, id) WHERE finished_at IS NOT NULL;
DROP INDEX idx_image_tasks_created_at, ix_image_tasks_owner, idx_image_tasks_status, ix_image_tasks_finished_at;
CREATE INDEX idx_image_tasks_created_at ON image_tasks (created_at DESC, id);
CREATE INDEX ix_image_tasks_owner ON image_tasks (user_id, created_at DESC, id);
CREATE INDEX idx_image_tasks_status ON image_tasks (status, created_at DESC, id)
    WHERE status IN ('completed', 'failed', 'cancelled');
CREATE INDEX ix_image_tasks_finished_at ON image_tasks (finished_at DESC NULLS LAST, id) WHERE finished_at IS NOT NULL;
"""


def upgrade() -> None:
    script(UP)


def downgrade() -> None:
    script(DOWN)
