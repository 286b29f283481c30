"""Gaps with a life: a name, revisions, no end while they go on, and what closed them."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("gap", sa.Column("gap_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False))
    op.add_column("gap", sa.Column("revision", sa.Integer(), server_default="1", nullable=False))
    op.add_column("gap", sa.Column("closed_at", moment))
    op.add_column("gap", sa.Column("closed_by", sa.Text()))
    op.add_column("gap", sa.Column("changed_at", moment, server_default=sa.func.now(), nullable=False))
    op.execute("UPDATE gap SET changed_at = recorded_at")
    op.alter_column("gap", "to_at", existing_type=moment, nullable=True)
    op.create_unique_constraint("uq_gap_gateway_id_gap_id", "gap", ["gateway_id", "gap_id"])


def downgrade() -> None:
    # what came before knows no end that is not told, and no gap that is filled
    op.execute("DELETE FROM gap WHERE closed_at IS NOT NULL")
    op.execute("UPDATE gap SET to_at = greatest(now(), from_at) WHERE to_at IS NULL")
    op.drop_constraint("uq_gap_gateway_id_gap_id", "gap")
    op.alter_column("gap", "to_at", existing_type=sa.DateTime(timezone=True), nullable=False)
    for column in ("changed_at", "closed_by", "closed_at", "revision", "gap_id"):
        op.drop_column("gap", column)
