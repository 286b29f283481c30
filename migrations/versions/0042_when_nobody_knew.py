"""An index of when nobody knew what machines did: it is asked for with each rule that is learned."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_machine_state_unknown",
        "machine_state",
        ["machine_id", "from_at"],
        postgresql_where=sa.text("state = 'no_data'"),
    )


def downgrade() -> None:
    op.drop_index("ix_machine_state_unknown", "machine_state")
