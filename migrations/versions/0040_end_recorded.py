"""When the end of a state was recorded, of one that was open until then: what was known before can be told for good."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("machine_state", sa.Column("end_recorded_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("machine_state", "end_recorded_at")
