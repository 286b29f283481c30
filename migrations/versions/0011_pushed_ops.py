"""What phones did while away, and what became of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pushed_op",
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("op_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("result", JSONB(none_as_null=True)),
        sa.Column("error", JSONB(none_as_null=True)),
        sa.Column("settled_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "op_id", name="pk_pushed_op"),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_pushed_op_user_id"),
    )
    op.create_index("ix_pushed_op_settled_at", "pushed_op", ["settled_at"])


def downgrade() -> None:
    op.drop_table("pushed_op")
