"""Pictures by the last 8 hex digits of their ids, as jobs are found."""

from __future__ import annotations

from milepost.db.migrate import script

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UP = r"""
CREATE INDEX ix_generated_images_short_id ON generated_images USING hash (right(id::text, 8));
"""

DOWN = r"""
DROP INDEX ix_generated_images_short_id;
"""


def upgrade() -> None:
    script(UP)


def downgrade() -> None:
    script(DOWN)
