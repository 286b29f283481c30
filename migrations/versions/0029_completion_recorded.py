"""When it became known that maintenance was done, which may be long after it was."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # of what is there already nobody wrote it down: it counts from when it was done, as it did
    op.add_column("maintenance_order", sa.Column("completion_recorded_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("maintenance_order", "completion_recorded_at")
