"""An index of the hours in which something ran or was made outside of shifts: a window's sums ask for these."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_fact_hour_overtime",
        "fact_hour",
        ["machine_id", "bucket"],
        postgresql_where=sa.text("overtime_us <> 0 OR overtime_pieces <> 0"),
    )


def downgrade() -> None:
    op.drop_index("ix_fact_hour_overtime", "fact_hour")
