"""Parts whose ideal cycles changed, and why a pattern's shifts cannot be shown further."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pace_mark",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("part_number", sa.Text(), nullable=True),
        sa.Column("work_order_id", sa.Integer(), nullable=True),
        sa.Column("since_on", sa.Date(), nullable=True),
        sa.Column("machine_id", sa.Uuid(), nullable=True),
        sa.Column("machine_type", sa.Text(), nullable=True),
        sa.Column("put_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pace_mark")),
    )
    op.add_column("shift_pattern", sa.Column("trouble", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("shift_pattern", "trouble")
    op.drop_table("pace_mark")
