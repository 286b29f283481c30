"""Indexes for what predictions ask of machines' states, so that it costs the same after ten years."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_machine_state_machine_id_id"), "machine_state", ["machine_id", "id"])
    op.create_index(
        "ix_machine_state_replaced",
        "machine_state",
        ["machine_id", "replaced_at"],
        postgresql_where=sa.text("replaced_at IS NOT NULL"),
    )
    op.create_index(
        "ix_machine_state_stops",
        "machine_state",
        ["machine_id", "from_at"],
        postgresql_where=sa.text("state = 'faulted' OR reason_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_machine_state_stops", "machine_state")
    op.drop_index("ix_machine_state_replaced", "machine_state")
    op.drop_index(op.f("ix_machine_state_machine_id_id"), "machine_state")
