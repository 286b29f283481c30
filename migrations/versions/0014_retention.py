"""How long what gateways bring is kept, and what was dropped for it."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retention",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name="pk_retention"),
    )
    op.create_table(
        "dropped",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("begin_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("dropped_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "begin_at", name="pk_dropped"),
    )
    # lines come in the order of their time, so a few pages of an index find the oldest of millions
    op.create_index("ix_batch_stored_at", "batch", ["stored_at"], postgresql_using="brin")


def downgrade() -> None:
    op.drop_index("ix_batch_stored_at", "batch")
    op.drop_table("dropped")
    op.drop_table("retention")
